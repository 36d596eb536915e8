"""ImageNet detection (ILSVRC DET): XML files like VOC's whose names are WordNet ids.

Read as they are:

* the official tree: ``ImageSets/DET/<split>.txt``, ``Annotations/DET/<set>/<id>.xml``,
  ``Data/DET/<set>/<id>.JPEG``; also the folder around it. The set is the word that the split's name begins with, if
  that has the first photos of the list, or the set that has them. R-CNN's ``val1.txt`` and ``val2.txt`` may be put
  among the lists, or be named by their paths, as any list; without them, ``val1``, ``val2`` and ``train1k`` are drawn
  (:mod:`detection.datasets.ilsvrc_split`). Where no split is named ``val`` is taken,
  but for training, which wants a name;
* a flat folder without splits: ``Annotations/*.xml`` and ``JPEGImages/*``.

A photo without an annotation file is legal: it has no objects. Those of the set ``train`` are annotated in part. Boxes
stay as the official score counts them: many begin at pixel 0 in a count from 1, so that a target may leave its photo by
one pixel.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from detection.datasets.annotation_targets import make_targets
from detection.datasets.annotation_xml import Annotation, read_annotation
from detection.datasets.base import AnnotatedImages, Refuse, check_classes, first_repeated, stop
from detection.datasets.combine import pick
from detection.datasets.ilsvrc_split import part_ids
from detection.datasets.listing import (
    Files,
    check_photos,
    is_list,
    list_file,
    photos_in,
    read_numbers,
    read_split,
    split_names,
    xml_files,
)
from detection.image_names import path_ends

logger = logging.getLogger(__name__)

LISTS, ANNOTATIONS, PHOTOS = Path("ImageSets", "DET"), Path("Annotations", "DET"), Path("Data", "DET")
WORDNET_ID = re.compile(r"n\d{8}")
SLACK = 1  # pixels


@cache
def det_200() -> dict[str, str]:
    """The 200 classes of the challenge in its order: WordNet id -> English name."""
    with Path(__file__).with_name("ilsvrc_det_200.tsv").open(encoding="utf-8", newline="") as file:
        return {row["wnid"]: row["name"] for row in csv.DictReader(file, delimiter="\t")}


def open_ilsvrc(folder: Path, split: str | None = None, class_names: Sequence[str] | None = None) -> AnnotatedImages:
    """The photos of a split with their objects, in the order of its list, or of the numbers that this gives them.

    The classes are the 200 of the challenge by their English names, in its order; those of a flat folder with objects
    beyond them are the WordNet ids found, sorted. ``class_names`` may hold English names and WordNet ids; objects of
    other classes are left out. Raises ``FileNotFoundError`` or ``ValueError`` naming file, object and choices.
    """
    tree = det_tree(folder)
    if tree and split is None:
        split = "val"
        logger.info("%s: no split named, taking %s", folder, split)
    ids, files, photos = det_files(folder, split)
    check_photos(photos)
    annotations = [read_annotation(path) if path.is_file() else Annotation.empty(path) for path in files]
    found = {name for annotation in annotations for name in annotation.names}
    classes = _classes(found, class_names, folder, official=tree is not None)
    _report(folder, annotations, found if tree else set())
    labels = {wordnet_id: label for label, wordnet_id in enumerate(classes)}
    targets = make_targets(annotations, photos, labels, SLACK)
    if tree and tree / ANNOTATIONS / "train" in files[0].parents:
        targets = tuple(replace(target, partial=True) for target in targets)
    numbers = read_numbers(tree / LISTS, split) if tree and split else ()
    dataset = AnnotatedImages(tuple(classes.values()), ids, photos, targets, image_numbers=numbers)
    # equal scores rank by the number of the image, which for the rest of the package is its place in the data set
    return pick(dataset, sorted(range(len(ids)), key=numbers.__getitem__)) if numbers else dataset


def det_files(folder: Path, split: str | None = None, refuse: Refuse = stop) -> Files:
    """Ids, annotation files and photos of a split; any of the files may be absent. Raises as :func:`open_ilsvrc`."""
    tree = det_tree(folder)
    return _tree_files(tree, split, refuse) if tree else _flat_files(folder, split)


def det_splits(folder: Path) -> tuple[str, ...]:
    """The names of the lists; a flat folder has none."""
    tree = det_tree(folder)
    return split_names(tree / LISTS) if tree else ()


def det_tree(folder: Path) -> Path | None:
    """The official tree at a folder or directly below it."""
    candidates = (folder, *sorted(path.parent.parent for path in folder.glob("*/ImageSets/DET")))
    return next((root for root in candidates if (root / LISTS).is_dir()), None)


def val_ids(folder: Path) -> tuple[str, ...] | None:
    """The photos of ``val``, which the devkit numbers in this order; ``None`` where no official tree lists them."""
    tree = det_tree(folder)
    return read_split(tree / LISTS, "val") if tree and list_file(tree / LISTS, "val").is_file() else None


def is_flat_ilsvrc(folder: Path) -> bool:
    """Whether a folder has annotations laid out like VOC's, of which the first with objects names WordNet ids."""
    for path in sorted(xml_files(folder, "Annotations/*.xml")):
        with suppress(ValueError):  # of a damaged file, which the reader will tell
            if names := read_annotation(path).names:
                return all(WORDNET_ID.fullmatch(name) for name in names)
    return False


def _tree_files(root: Path, split: str | None, refuse: Refuse) -> Files:
    split = split or "val"
    listed = part_ids(root / LISTS, root / ANNOTATIONS, split, tuple(det_200()), refuse)
    subset = _subset(root, split, listed)
    annotations, photos = root / ANNOTATIONS / subset, root / PHOTOS / subset
    if not annotations.is_dir() and not photos.is_dir():
        raise FileNotFoundError(f"{root}: split {split!r} needs the folder {photos}, or {annotations}")
    ids = tuple(_id_in(root, subset, image_id) or image_id for image_id in listed) if is_list(split) else listed
    if twice := first_repeated(ids):
        refuse(ValueError(f"{split}: lists image {twice!r} twice, by two names"))
        ids = tuple(dict.fromkeys(ids))
    files = tuple(annotations / f"{image_id}.xml" for image_id in ids)
    if subset != "test" and not any(path.is_file() for path in files):
        raise FileNotFoundError(f"{annotations}: none of the {len(ids)} images of split {split!r} is annotated")
    return ids, files, tuple(photos / f"{image_id}.JPEG" for image_id in ids)


def _subset(root: Path, split: str, listed: Sequence[str]) -> str:
    """The set that a split is of, which is also the name of the set's folders: that with the first of its photos."""
    named = "".join(re.findall(r"^[a-z]+", Path(split).name))
    sets = sorted({path.name for kind in (ANNOTATIONS, PHOTOS) for path in (root / kind).glob("*") if path.is_dir()})
    first = listed[:10]  # a photo may be absent, and so may its annotation
    return next((name for name in (named, *sets) if any(_id_in(root, name, image_id) for image_id in first)), named)


def _id_in(root: Path, subset: str, listed: str) -> str | None:
    """The id of a photo in a set, of which a list may hold the path on any machine; ``None`` where it is not there."""
    annotations, photos = root / ANNOTATIONS / subset, root / PHOTOS / subset
    there = (
        end for end in path_ends(listed) if (annotations / f"{end}.xml").is_file() or (photos / f"{end}.JPEG").is_file()
    )
    return next(there, None)


def _flat_files(folder: Path, split: str | None) -> Files:
    if split is not None:
        raise FileNotFoundError(f"{folder}: no split {split!r}; a flat folder has none")
    annotations = {path.stem: path for path in xml_files(folder, "Annotations/*.xml")}
    if not annotations:
        raise FileNotFoundError(f"{folder}: neither {LISTS}/*.txt nor Annotations/*.xml there")
    photos = photos_in(folder / "JPEGImages")
    ids = tuple(sorted({*annotations, *photos}))
    return (
        ids,
        tuple(annotations.get(name, folder / "Annotations" / f"{name}.xml") for name in ids),
        tuple(photos.get(name, folder / "JPEGImages" / f"{name}.JPEG") for name in ids),
    )


def _classes(found: set[str], wanted: Sequence[str] | None, place: Path, *, official: bool) -> dict[str, str]:
    """The classes in the order of their labels: WordNet id -> the name it goes by."""
    names = det_200()
    if wanted is None:
        return dict(names) if official or names.keys() >= found else {name: name for name in sorted(found)}
    wordnet_ids = {name: wordnet_id for wordnet_id, name in names.items()}
    check_classes([name for name in wanted if name not in names], wordnet_ids.keys() | found - names.keys(), place)
    classes = {wordnet_ids.get(name, name): name for name in wanted}
    if len(classes) < len(wanted):
        raise ValueError(f"class_names: a class is named twice, by its name and its WordNet id: {', '.join(wanted)}")
    return classes


def _report(place: Path, annotations: Sequence[Annotation], found: set[str]) -> None:
    """Log what a user may not expect: photos without annotation, objects beyond the 200 classes."""
    bare = sum(not annotation.path.is_file() for annotation in annotations)
    if bare:
        logger.warning("%s: %d of %d photos have no annotation file: without objects", place, bare, len(annotations))
    if strange := found - det_200().keys():
        logger.warning("%s: objects beyond the 200 classes are left out: %s", place, ", ".join(sorted(strange)))
