"""The one way from a path to a data set: find the format, or be told it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from detection.datasets.base import Dataset, did_you_mean
from detection.datasets.coco import choose_coco_file, coco_names, find_coco_files, open_coco
from detection.datasets.combine import join_datasets, pick
from detection.datasets.folder import has_images, open_folder
from detection.datasets.ilsvrc import det_splits, det_tree, is_flat_ilsvrc, open_ilsvrc
from detection.datasets.listing import choose_split, is_list, read_positions
from detection.datasets.voc import is_voc, open_voc, voc_names, voc_splits, year_folders
from detection.datasets.yolo import open_yolo
from detection.datasets.yolo_layout import find_yolo, is_yolo, splits_there
from detection.image_names import ImageNames
from detection.images import IMAGE_SUFFIXES

logger = logging.getLogger(__name__)

FORMATS = ("voc", "coco", "yolo", "ilsvrc", "folder")
LOOKED_FOR = (
    "ImageSets/DET/*.txt (ILSVRC), annotations/*.json or instances_*.json or _annotations.coco.json (COCO), "
    "Annotations/*.xml or *.xml (VOC), data.yaml or labels/*.txt or classes.txt (YOLO), images"
)
JSON_AND_PHOTOS = re.compile(r"(.+\.json):(.+)", re.IGNORECASE)


class Place(NamedTuple):
    """A format of ``FORMATS``, a path, the split asked for, and for COCO the folder of the photos if one is named."""

    kind: str
    path: Path
    split: str | None
    photos: Path | None


def open_dataset(spec: str | Path, *, split: str | None = None, class_names: Sequence[str] | None = None) -> Dataset:
    """The data set at ``spec``: a path, of which the format is found, or ``format:path[:split]``.

    ``data/VOCdevkit/VOC2007``           find the format
    ``voc:data/VOCdevkit/VOC2007:test``  the split ``test``, as by ``split="test"``
    ``coco:data/coco:val2017``           ``annotations/instances_val2017.json`` in there
    ``coco:truth.json:photos``           an instances file and the folder of its photos
    ``yolo:data/cells/data.yaml:train``  a description, or the folder that it lies in
    ``ilsvrc:data/ILSVRC:val2``          ``ImageSets/DET/val2.txt`` in there
    ``folder:photos``                    images without annotations
    ``data/VOCdevkit/VOC2007:my/list.txt``    the photos of a list

    A split that ends in ``.txt`` is the path of a list of photos, an id or a file a line
    (:func:`detection.datasets.listing.find_listed`), wherever they are in the data set; those of ILSVRC's tree are of
    one set. ``class_names`` chooses the classes and their order. Raises ``FileNotFoundError`` or ``ValueError`` saying
    what was looked for, where, and which choices there are.
    """
    return open_place(find_dataset(spec, split), class_names)


def open_place(place: Place, class_names: Sequence[str] | None = None) -> Dataset:
    """The data set at a place that was found; raises as :func:`open_dataset`."""
    if not is_list(place.split) or _has_lists(place):
        return _open(place, class_names)
    whole = _open_whole(place._replace(split=None), class_names)
    paths = [whole.path(index) for index in range(len(whole))]
    return pick(whole, read_positions(Path(str(place.split)), ImageNames(whole.ids, paths)))


def names_anywhere(spec: str | Path, split: str | None = None) -> set[str]:
    """The classes that only some splits of a data set may show: of all of them, as it names them itself.

    Of formats that name the classes of every split alike there are none. Raises as :func:`open_dataset`.
    """
    place = find_dataset(spec, split)
    if place.kind == "voc":
        return voc_names(place.path, place.split)
    return coco_names(find_coco_files(place.path).values()) if place.kind == "coco" and place.path.is_dir() else set()


def _open(place: Place, class_names: Sequence[str] | None) -> Dataset:
    kind, path, split, photos = place
    if kind == "voc":
        return open_voc(path, split, class_names)
    if kind == "yolo":
        return open_yolo(path, split, class_names)
    if kind == "ilsvrc":
        return open_ilsvrc(path, split, class_names)
    if kind == "coco" and path.is_dir():
        return open_coco(choose_coco_file(path, split), None, class_names, find_coco_files(path).values())
    if split is not None:
        raise ValueError(f"{path}: a {'COCO file' if kind == 'coco' else 'folder of images'} has no split {split!r}")
    if kind == "coco":
        return open_coco(path, photos, class_names)
    return open_folder(path, class_names)


def _has_lists(place: Place) -> bool:
    """Whether the splits of a data set are lists themselves, so that its reader takes any list."""
    return bool((place.kind == "voc" and year_folders(place.path)) or (place.kind == "ilsvrc" and det_tree(place.path)))


def _open_whole(place: Place, class_names: Sequence[str] | None) -> Dataset:
    """The photos of all splits, each once."""
    parts: dict[str, Dataset] = {}
    seen: set[Path] = set()
    for split in _splits(place):
        part = _open(place._replace(split=split), class_names)
        paths = list(map(part.path, range(len(part))))
        parts[split] = pick(part, [index for index, path in enumerate(paths) if path not in seen])
        seen.update(paths)
    return join_datasets(parts) if parts else _open(place, class_names)


def _splits(place: Place) -> Sequence[str]:
    """The names of the splits; empty where all photos are one set."""
    if place.kind == "voc":
        return voc_splits(place.path)
    if place.kind == "yolo":
        return splits_there(find_yolo(place.path))
    if place.kind == "ilsvrc":
        return det_splits(place.path)
    return tuple(find_coco_files(place.path)) if place.kind == "coco" and place.path.is_dir() else ()


def training_split(spec: str | Path) -> str | None:
    """The split that is trained on where no other is named than in ``spec``; ``None`` where all photos are one set.

    Raises ``ValueError`` where several may be meant (:func:`detection.datasets.listing.choose_split`), and for ILSVRC's
    tree, whose ``val`` is what others are measured on, and whose ``train`` is annotated in part.
    """
    place = find_dataset(spec)
    if place.split:
        return place.split
    splits = tuple(find_yolo(place.path).splits) if place.kind == "yolo" else _splits(place)  # be they there or not
    if not splits:
        return None
    if place.kind == "ilsvrc":
        raise ValueError(f"{place.path}: name the split to train on, as --set data.train_split=val1+train1k")
    return choose_split(place.path, splits)


def find_dataset(spec: str | Path, split: str | None = None) -> Place:
    """Where the data set at ``spec`` is, of which format; nothing is read of it yet. Raises as :func:`open_dataset`."""
    kind, path, last = _parse(str(spec))
    if path == Path():
        raise FileNotFoundError(f"data set {str(spec)!r} names no path; the folder here is '.'")
    if not path.exists():
        raise FileNotFoundError(f"no file or folder {path} (data set {str(spec)!r}; formats: {', '.join(FORMATS)})")
    if path.suffix.lower() != ".json" and last is not None:
        if split not in (None, last):
            raise ValueError(
                f"data set {str(spec)!r} names the split {last!r}, but {split!r} is asked for: leave ':{last}' out"
            )
        split, last = last, None
    return Place(kind or _find_format(path), path, split, Path(last) if last else None)


def _parse(spec: str) -> tuple[str | None, Path, str | None]:
    """The format, the path, and what comes behind: a split, or the photos of a COCO file."""
    kind, colon, rest = spec.partition(":")
    if kind not in FORMATS or not colon:
        if colon and re.fullmatch(r"\w{2,}", kind) and not Path(kind).exists() and not Path(spec).exists():
            raise ValueError(f"data set {spec!r}: no format {kind!r}; {did_you_mean(kind, FORMATS)}")
        kind, rest = "", spec
    if pair := JSON_AND_PHOTOS.fullmatch(rest):
        return kind or None, Path(pair[1]), pair[2]
    path, colon, split = rest.rpartition(":")
    # `C:\photos` and `C:photos` begin with a drive; a path may hold a colon
    beyond = re.search(r"[/\\]", split) and not is_list(split)
    if not colon or len(path) == 1 or beyond or Path(rest).exists():
        return kind or None, Path(rest), None
    return kind or None, Path(path), split or None


def _find_format(path: Path) -> str:
    if path.is_file():
        return _format_of_file(path)
    signs: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("ilsvrc", det_tree),
        ("coco", find_coco_files),
        ("ilsvrc", is_flat_ilsvrc),
        ("voc", is_voc),
        ("yolo", is_yolo),
        ("folder", has_images),
    )
    kind = next((kind for kind, is_there in signs if is_there(path)), None)
    if kind is None:
        raise FileNotFoundError(f"{path}: no data set there; looked for {LOOKED_FOR}")
    if kind == "folder":
        logger.warning("%s: no annotations there (looked for %s), taking the images alone", path, LOOKED_FOR)
    return kind


def _format_of_file(path: Path) -> str:
    if path.suffix.lower() == ".json":
        return "coco"
    if path.suffix.lower() in (".yaml", ".yml"):
        return "yolo"
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return "folder"
    raise ValueError(f"{path}: neither a folder, a COCO file (*.json), a YOLO description (*.yaml), nor an image")
