"""From names to numbers: detections of any file are placed among the images and classes of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detection.converters.rows import DetectionRows
from detection.evaluation.tables import DetectionTable, Mask
from detection.results import DetectionsFileError


class UnknownClassError(DetectionsFileError):
    """Detections name classes, ``names``, that the data set does not have."""

    def __init__(self, file: Path, line: int, message: str, names: Iterable[str]) -> None:
        super().__init__(file, line, message)
        self.names = tuple(names)


class UnknownImageError(DetectionsFileError):
    """Detections lie in images that the data set does not have."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Detections as a table; ``left_out`` counts those of every class that the data set does not have.

    ``images`` (I,) says of which images of the data set the files speak, be it that nothing was found there.
    """

    table: DetectionTable
    images: Mask
    left_out: Mapping[str, int]


class ClassNames:
    """Finds the label of a class by its name, in any case, or by another name for it.

    ``synonyms`` are pairs of names for one thing, such as a WordNet id and its word.
    """

    def __init__(self, class_names: Sequence[str], synonyms: Iterable[tuple[str, str]] = ()) -> None:
        self.names = class_names
        self._exact = {name: label for label, name in enumerate(class_names)}
        folded = Counter(name.casefold() for name in class_names)
        self._folded = {name.casefold(): label for name, label in self._exact.items() if folded[name.casefold()] == 1}
        for pair in synonyms:
            one, other = (name.casefold() for name in pair)
            for name, synonym in ((one, other), (other, one)):
                if synonym in self._folded:
                    self._folded.setdefault(name, self._folded[synonym])

    def label(self, name: str) -> int | None:
        """The label, or ``None`` where no class has this name."""
        return self._exact.get(name, self._folded.get(name.strip().casefold()))


def place(
    files: Sequence[DetectionRows],
    image_ids: Sequence[str],
    classes: ClassNames,
    *,
    ignore_unknown_classes: bool = False,
) -> Placed:
    """Detections by image, of which the files have the ids, and label, in the order of their files.

    Raises ``UnknownImageError`` at the first detection in an image, and ``UnknownClassError`` at the first one of a
    class, that the data set does not have. Unknown classes can be left out instead; they are left out in any case where
    every class has a file of its own (VOC's text) and so has each of the data set: then none of them is misnamed.
    """
    left_out: Counter[str] = Counter()
    for rows in files:
        left_out.update({name: count for name, count in rows.labels.counts().items() if classes.label(name) is None})
    with_file = {classes.label(rows.class_of_file) for rows in files if rows.class_of_file is not None} - {None}
    misnamed = len(with_file) < len(classes.names)  # else the others are classes that the data set happens not to show
    if left_out and misnamed and not ignore_unknown_classes:
        _refuse_class(files, left_out, classes.names)
    position = {image: index for index, image in enumerate(image_ids)}
    images = np.zeros(len(image_ids), np.bool_)
    parts = []
    for rows in files:
        found = {image: rows.lines[row] for image, row in rows.images.first_rows().items()}
        where = _positions(rows, {**rows.empty, **found}, position)
        images[list(where.values())] = True
        labels = [-1 if (label := classes.label(name)) is None else label for name in rows.labels.names]
        columns = (
            np.array([where[image] for image in rows.images.names], np.int64)[rows.images.codes],
            np.array(labels, np.int64)[rows.labels.codes],
        )
        parts.append(DetectionTable(*columns, rows.scores, rows.boxes)[columns[1] >= 0])
    return Placed(DetectionTable.join(parts), images, dict(left_out))


def _positions(rows: DetectionRows, lines: Mapping[str, int], position: Mapping[str, int]) -> dict[str, int]:
    """The positions in the data set of the images that a file names, first on ``lines``.

    Raises ``UnknownImageError``.
    """
    unknown = [image for image in lines if image not in position]
    if unknown:
        like = f", such as {next(iter(position))!r}" if position else ""
        more = f" (nor are {len(unknown) - 1} others of this file)" if len(unknown) > 1 else ""
        message = f"image {unknown[0]!r} is not among the {len(position)} of the data set{like}{more}"
        raise UnknownImageError(rows.file, lines[unknown[0]], message)
    return {image: position[image] for image in lines}


def _refuse_class(files: Sequence[DetectionRows], unknown: Mapping[str, int], names: Sequence[str]) -> None:
    for rows in files:
        for name, row in rows.labels.first_rows().items():
            if name in unknown:
                listed = some([f"{name} ({count})" for name, count in unknown.items()])
                message = f"class {name!r} is not in the data set; it has: {some(names)}; unknown are: {listed}"
                raise UnknownClassError(rows.file, int(rows.lines[row]), message, unknown)


def some(names: Sequence[str], most: int = 40) -> str:
    """As many names as a message can hold."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
