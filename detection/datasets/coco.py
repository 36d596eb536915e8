"""COCO: one JSON file of instances, and a folder of photos.

Labels follow the categories by their ids, as with pycocotools; ids may have gaps, begin at 0, or be texts. The id of an
image is its id in the file, as text. Crowds are flagged, areas are the file's, images without objects stay. Boxes stay
as the official score counts them: only those that leave their photo by more than one pixel are cut. Objects with a side
of 0, of which the official ``train2017`` has two, are left out.

The photos are in the folder given, or in the first of these that has one of the first ten of them, where
``instances_val2017.json`` describes the set ``val2017``: ``val2017``, ``images/val2017`` and ``images``, beside the
folder of the file or in it; that folder itself. They are looked for by their paths, then by the names of their files.
They may all be absent (evaluation), but not some of them.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from detection.boxes import as_boxes
from detection.converters.coco_results import TRUTH
from detection.datasets.base import AnnotatedImages, Refuse, check_classes, did_you_mean
from detection.datasets.coco_json import CocoImage, EmptyCategoryError, Id, Instance, category_names, read_coco
from detection.datasets.fit import Overhang, fit_boxes, warn_of_cuts
from detection.datasets.listing import check_photos, choose_split
from detection.datasets.voc import is_voc
from detection.datasets.yolo_layout import is_yolo
from detection.structures import Target

logger = logging.getLogger(__name__)

SLACK = 1  # pixels
# Instances files inside a COCO folder; the first pattern that fits anything counts, for the official folder holds
# captions and keypoints too. The last two are Roboflow's exports. Other names count where nothing else is annotated.
PATTERNS = (
    "annotations/instances_*.json",
    "annotations/*.json",
    "instances_*.json",
    "*/_annotations.coco.json",
    "_annotations.coco.json",
)


def open_coco(
    file: Path,
    images: Path | None = None,
    class_names: Sequence[str] | None = None,
    others: Collection[Path] = (),
) -> AnnotatedImages:
    """The images of an instances file, in its order, with their objects.

    The classes are all categories of the file, or ``class_names``: objects of others are then left out, and a class may
    be a category of ``others`` alone, files of the same data set, and without objects here. Raises
    ``FileNotFoundError`` or ``ValueError`` naming the file, the annotation and the choices.
    """
    content = read_coco(file, _stop_or_tell(file))
    categories = content.categories
    if class_names is not None:
        if not set(class_names) <= set(categories.values()):
            categories = _joined(categories, others)
        check_classes(class_names, categories.values(), file)
    classes = tuple(categories.values() if class_names is None else class_names)
    labels = {category: classes.index(name) for category, name in content.categories.items() if name in classes}
    objects: dict[Id, list[Instance]] = defaultdict(list)
    flat = 0
    for instance in content.instances:
        if 0 in instance.xywh[2:]:
            flat += 1
        elif instance.category in labels:
            objects[instance.image].append(instance)
    if flat:
        logger.warning("%s: %d of %d objects have a side of 0 and are left out", file, flat, len(content.instances))
    folder, paths = find_photos(file, content.images, images)
    check_photos(paths)
    rows = zip(content.images, paths, strict=True)
    made = [_target(file, objects[image.id], image.size, path, labels) for image, path in rows]
    warn_of_cuts(file, [overhang for _, overhang in made])
    ids = tuple(str(image.id) for image in content.images)
    category = {name: number for number, name in categories.items()}
    targets = tuple(target for target, _ in made)
    category_ids = tuple(category[name] for name in classes)
    return AnnotatedImages(classes, ids, paths, targets, category_ids, photos_folder=folder)


def find_coco_files(folder: Path) -> dict[str, Path]:
    """The instances files of a COCO folder by the set they describe; empty where there is none."""
    found = ([file for file in sorted(folder.glob(pattern)) if not _is_list(file)] for pattern in PATTERNS)
    named = next((files for files in found if files), None)
    return {_set_name(file): file for file in named or _of_any_name(folder)}


def choose_coco_file(folder: Path, split: str | None) -> Path:
    """The instances file of a split; without one it is chosen (:func:`detection.datasets.listing.choose_split`).

    Raises ``FileNotFoundError`` and ``ValueError`` naming the choices.
    """
    files = find_coco_files(folder)
    if not files:
        raise FileNotFoundError(f"{folder}: no {' or '.join(PATTERNS)} there, nor another JSON file of instances")
    split = split or choose_split(folder, tuple(files))
    if split not in files:
        raise FileNotFoundError(f"{folder}: no split {split!r}; {did_you_mean(split, files)}")
    return files[split]


def coco_names(files: Iterable[Path]) -> set[str]:
    """The names of the categories of some files."""
    return {name for file in files for name in category_names(file).values()}


def _joined(categories: Mapping[Id, str], others: Iterable[Path]) -> Mapping[Id, str]:
    """The categories of a file, and behind them those of other files alone, by the ids that they have there if free."""
    joined = dict(categories)
    for file in others:
        for number, name in category_names(file).items():
            if name not in joined.values():
                joined[number if number not in joined else f"{file.stem}: {number}"] = name
    return joined


def _stop_or_tell(file: Path) -> Refuse:
    def refuse(fault: ValueError) -> None:
        if not isinstance(fault, EmptyCategoryError):
            raise fault
        logger.warning("%s: %s; it is left out", file, fault)

    return refuse


def _of_any_name(folder: Path) -> list[Path]:
    """JSON files that begin as instances do, such as Label Studio's ``result.json``.

    None where VOC or YOLO is: such a file beside may be a copy, or no more than the names of the classes.
    """
    files = [file for file in sorted(folder.glob("*.json")) if TRUTH.match(_beginning(file))]
    return [] if files and (is_voc(folder) or is_yolo(folder)) else files


def _beginning(file: Path) -> str:
    with file.open("rb") as content:
        return content.read(4096).decode("utf-8-sig", "replace").lstrip()


def _is_list(file: Path) -> bool:
    """Whether a JSON file is a list, as results are that lie beside the instances."""
    return _beginning(file).startswith("[")


def _set_name(file: Path) -> str:
    if file.name == "_annotations.coco.json":
        return file.parent.name
    return file.stem.removeprefix("instances_")


def find_photos(file: Path, images: Sequence[CocoImage], folder: Path | None = None) -> tuple[Path, tuple[Path, ...]]:
    """Their folder and the photos, in the one given or by the usual conventions; where they would be, if nowhere.

    Where their paths lead nowhere, as Label Studio's into its own disk, they are looked for by their names alone.
    """
    name = _set_name(file)
    places = [base / sub for base in (file.parent.parent, file.parent) for sub in (name, f"images/{name}", "images")]
    places = [*places, file.parent] if folder is None else [folder]
    paths = [image.file_name for image in images]
    ends = [PurePosixPath(path).name for path in paths]
    for ways in (paths, ends) if len(set(ends)) == len(ends) else (paths,):
        for place in places:
            if any((place / way).is_file() for way in ways[:10]):
                return place, tuple(place / way for way in ways)
    return places[0], tuple(places[0] / path for path in paths)


def _target(
    file: Path, objects: Sequence[Instance], size: tuple[int, int] | None, photo: Path, labels: Mapping[Id, int]
) -> tuple[Target, Overhang]:
    def describe(row: int) -> str:
        return f"{file}: {objects[row].name} with x, y, width, height {', '.join(map(str, objects[row].xywh))}"

    boxes = as_boxes([(x, y, x + width, y + height) for x, y, width, height in (item.xywh for item in objects)])
    flat = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
    if len(flat):
        raise ValueError(f"{describe(int(flat[0]))} has no area; mend or remove it")
    boxes, overhang = fit_boxes(boxes, size, photo, describe, SLACK)
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
    areas = [instance.area for instance in objects]
    target = Target(
        boxes,
        np.array([labels[instance.category] for instance in objects], np.int64),
        crowd=np.array([instance.crowd for instance in objects], np.bool_),
        areas=np.where([area is None for area in areas], sides.prod(axis=1), np.array(areas, np.float64)),
        xywh=np.array([instance.xywh for instance in objects], np.float64).reshape(-1, 4),
    )
    return target, overhang
