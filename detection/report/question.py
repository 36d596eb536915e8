"""What is asked of detections: how good they are on some images of a data set, under one protocol or several."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from detection.converters.read_any import read_any, splits_of
from detection.datasets.base import Dataset, did_you_mean
from detection.datasets.ilsvrc import det_200, val_ids
from detection.datasets.listing import read_selection
from detection.datasets.open import find_dataset, names_anywhere, open_dataset
from detection.evaluation.analysis import PROTOCOLS, judge_under
from detection.evaluation.coco import coco, in_coco_order
from detection.evaluation.ilsvrc import read_blacklist
from detection.evaluation.judgement import Judgement
from detection.evaluation.naming import ClassNames, Placed, UnknownClassError, place
from detection.evaluation.result import Evaluation
from detection.evaluation.tables import DetectionTable, Integers
from detection.structures import Target

Found = TypeVar("Found")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Question:
    """Some images and classes of a data set, and their objects.

    ``images`` are positions in ``dataset``, in the order in which those of equal scores rank; ``category_ids`` are
    what COCO gives the classes; ``labels`` are the classes asked for, of ``names``. ``targets`` are of these
    images and number the classes by their place among ``labels``; so does ``blacklist``, ILSVRC's (image, label) pairs
    not to count, and the image by its place among ``images``.
    """

    dataset: Dataset
    names: ClassNames
    category_ids: tuple[int | str, ...]
    labels: tuple[int, ...]
    images: tuple[int, ...]
    targets: tuple[Target, ...]
    blacklist: frozenset[tuple[int, int]]

    @property
    def usual_protocols(self) -> str:
        """Those of the data set's own challenge, separated by commas."""
        if self.category_ids:
            return "coco"
        return "ilsvrc" if self.names.names == tuple(det_200().values()) else "voc07,voc10"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Those asked for."""
        return tuple(self.names.names[label] for label in self.labels)

    @property
    def ids(self) -> list[str]:
        """Those of the images asked for."""
        return [self.dataset.ids[image] for image in self.images]

    def only(self, labels: Sequence[int]) -> Question:
        """The same about some of its classes, which are numbered anew in this order."""
        number = _numbers(labels, len(self.labels))
        targets = []
        for target in self.targets:
            kept = target[number[target.labels] >= 0]
            targets.append(replace(kept, labels=number[kept.labels]))
        pairs = ((image, int(number[label])) for image, label in self.blacklist)
        blacklist = frozenset((image, label) for image, label in pairs if label >= 0)
        chosen = tuple(self.labels[label] for label in labels)
        return replace(self, labels=chosen, targets=tuple(targets), blacklist=blacklist)

    def read(self, path: Path, *, ignore_unknown_classes: bool = False) -> Placed:
        """The detections of a file or folder; its table is of these images and classes, numbered as in ``targets``.

        Left out are also those of classes that are not asked for.
        Raises as :func:`detection.converters.read_any.read_any` and :func:`detection.evaluation.naming.place`.
        """
        rows = read_any(path, self.dataset, self.category_ids)
        placed = place(rows, self.dataset.ids, self.names, ignore_unknown_classes=ignore_unknown_classes)
        number = _numbers(self.labels, len(self.names.names))
        table = placed.table.in_images(self.images)
        others = Counter(self.names.names[label] for label in table.labels[number[table.labels] < 0].tolist())
        table = table[number[table.labels] >= 0]
        table = replace(table, labels=number[table.labels])
        return Placed(table, placed.images[list(self.images)], {**others, **placed.left_out})

    def measure(self, protocol: str, detections: DetectionTable) -> Evaluation:
        """The answer under the protocol of this name, one of ``PROTOCOLS``; COCO's is pycocotools'."""
        if protocol == "coco":
            return coco(detections, self.targets, self.class_names)
        return self.judge(protocol, detections).evaluation()

    def judge(self, protocol: str, detections: DetectionTable) -> Judgement:
        """Every detection's verdict under the protocol of this name, COCO's at an overlap of .5."""
        return judge_under(protocol, detections, self.targets, self.class_names, self.blacklist)


def ask(
    data: str,
    split: str | None,
    images: Path | None,
    blacklist: Path | None,
    detections: Path,
    classes: Iterable[str] = (),
) -> Question:
    """The question that a command's options put; ``detections`` may say the split by the names of its files.

    Those of ``classes`` that only other splits show are classes without objects here. Raises ``FileNotFoundError`` and
    ``ValueError`` naming what is wrong, and where nothing is annotated.
    """
    dataset = _open(data, split, splits_of(detections), classes)
    if not any(len(dataset.target(index)) for index in range(len(dataset))):
        raise ValueError(f"{data}: no annotated objects in {len(dataset)} images, so there is nothing to find")
    names = ClassNames(dataset.class_names, synonyms=det_200().items())
    category_ids: tuple[int | str, ...] = getattr(dataset, "category_ids", ())  # which may have gaps
    order = list(range(len(dataset))) if images is None else read_selection(images, dataset.ids)
    order = in_coco_order(order, dataset.ids) if category_ids else order
    place_of = {dataset.ids[image]: number for number, image in enumerate(order)}
    listed = read_blacklist(blacklist, _numbered(data, dataset), names) if blacklist else []
    pairs = frozenset((place_of[image], label) for image, label in listed if image in place_of)
    labels = tuple(range(len(dataset.class_names)))
    return Question(dataset, names, category_ids, labels, tuple(order), tuple(map(dataset.target, order)), pairs)


def answered(
    asking: Callable[[Collection[str]], Question], read: Callable[[Question], Found]
) -> tuple[Question, Found]:
    """A question, and what is read for it; ``asking`` is :func:`ask` of some ``classes``.

    These are the classes that detections name and the data set's other splits show. Raises as ``ask`` and ``read``.
    """
    classes: set[str] = set()
    while True:
        question = asking(classes)
        try:
            return question, read(question)
        except UnknownClassError as error:
            if classes.issuperset(error.names):
                raise
            classes.update(error.names)


def _numbered(data: str, dataset: Dataset) -> Sequence[str]:
    """The photos by the devkit's numbers: those of all of ``val``, of which the data set may be a part."""
    place = find_dataset(data)
    val = val_ids(place.path) if place.kind == "ilsvrc" else None
    return val if val and set(val).issuperset(dataset.ids) else dataset.ids


def _numbers(chosen: Sequence[int], count: int) -> Integers:
    """For each of ``count`` labels its place among the chosen ones, or -1."""
    numbers = np.full(count, -1)
    numbers[list(chosen)] = np.arange(len(chosen))
    return numbers


def _open(data: str, split: str | None, named: Sequence[str], classes: Iterable[str]) -> Dataset:
    """The data set; without a split the first that is ``named`` by the files of detections and is there, if any is."""
    for name in named if split is None else ():
        try:
            dataset = open_dataset(data, split=name)
        except (FileNotFoundError, ValueError):
            continue  # no such split; what else may be wrong is told below
        logger.warning("taking the split %r, as the files of detections are named after it", name)
        return _widened(dataset, data, name, classes)
    return _widened(open_dataset(data, split=split), data, split, classes)


def _widened(dataset: Dataset, data: str, split: str | None, classes: Iterable[str]) -> Dataset:
    """The data set with those of some classes that only other splits show."""
    known = ClassNames(dataset.class_names, synonyms=det_200().items())
    absent = [name for name in classes if known.label(name) is None]
    anywhere = names_anywhere(data, split) if absent else set()
    if not (added := [name for name in absent if name in anywhere]):
        return dataset
    logger.warning("no object of %s is in these images: without an average precision", ", ".join(sorted(added)))
    return open_dataset(data, split=split, class_names=(*dataset.class_names, *sorted(added)))


def protocols_of(text: str) -> list[str]:
    """The protocols of a list separated by commas; raises as :func:`chosen`."""
    return chosen(text, {name: name for name in PROTOCOLS}.get, PROTOCOLS, "protocol")


def chosen(text: str, find: Callable[[str], Found | None], choices: Sequence[str], what: str) -> list[Found]:
    """What the names of a list separated by commas stand for, each once.

    Raises ``ValueError`` for a name that ``find`` does not know, with the one of ``choices`` that is nearest.
    """
    found = []
    for name in map(str.strip, text.split(",")):
        if (one := find(name)) is None:
            raise ValueError(f"no {what} {name!r}; {did_you_mean(name, choices)}")
        found.append(one)
    return list(dict.fromkeys(found))
