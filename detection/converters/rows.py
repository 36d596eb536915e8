"""What a reader returns: the detections of one file, a row each, still by the names that the file uses."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.boxes import LARGEST
from detection.results import DetectionsFileError, open_packed

logger = logging.getLogger(__name__)

Number = TypeVar("Number")
TO_ONE_BASED_INCLUSIVE = np.array([1.0, 1.0, 0.0, 0.0])  # added to a box of the house convention


@dataclass(frozen=True, eq=False)
class NameColumn:
    """A column of names, of which there are far fewer than rows: row ``r`` holds ``names[codes[r]]``."""

    names: tuple[str, ...]
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str]:
        return (self.names[code] for code in self.codes.tolist())

    def counts(self) -> dict[str, int]:
        """How many rows hold each name."""
        return dict(zip(self.names, np.bincount(self.codes, minlength=len(self.names)).tolist(), strict=True))

    def first_rows(self) -> dict[str, int]:
        """The first row that holds each name, in the order of the rows."""
        codes, rows = np.unique(self.codes, return_index=True)
        return {self.names[code]: row for row, code in sorted(zip(rows.tolist(), codes.tolist(), strict=True))}


@dataclass(frozen=True, eq=False)
class DetectionRows:
    """Detections in the order of their file, which decides between equal scores.

    ``lines`` (N,) is where each was found, from 1; ``images`` (N) are ids, ``labels`` (N) class names; ``scores`` (N,);
    ``boxes`` (N, 4) in the house convention; ``empty`` are the images, with their lines, of which the file says that
    nothing was found; ``class_of_file`` is the class that the whole file is of, be it empty (VOC's text). Raises
    ``DetectionsFileError`` for a number that is not finite, and for a box beyond any image. Inverted boxes are let
    through: other detectors make them, and the devkits count them as false.
    """

    file: Path
    lines: NDArray[np.int64]
    images: NameColumn
    labels: NameColumn
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]
    empty: Mapping[str, int] = field(default_factory=dict)
    class_of_file: str | None = None

    def __post_init__(self) -> None:
        finite = np.isfinite(self.scores) & np.isfinite(self.boxes).all(axis=1)
        fits = (np.abs(self.boxes) <= LARGEST).all(axis=1)
        if not (finite & fits).all():
            row = int(np.flatnonzero(~(finite & fits))[0])
            what = "a box beyond any image" if finite[row] else "a number that is not finite"
            numbers = f"score {self.scores[row]}, box {self.boxes[row].tolist()}"
            raise DetectionsFileError(self.file, int(self.lines[row]), f"{what}: {numbers}")

    def __len__(self) -> int:
        return len(self.lines)


class RowsBuilder:
    """Collects the rows of one file while it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._image_codes, self._label_codes = _Codes(), _Codes()
        self._integers: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]  # line, image, label
        self._numbers: list[NDArray[np.float64]] = [np.zeros((0, 5))]
        self._empty: dict[str, int] = {}

    def add_empty(self, line: int, image: str) -> None:
        self._empty[image] = line

    def add(self, lines: ArrayLike, images: Sequence[str], labels: Sequence[str], numbers: ArrayLike) -> None:
        """Some rows more; ``numbers`` (N, 5) are the score and the corners of each."""
        columns = np.asarray(lines, np.int64), self._image_codes.of(images), self._label_codes.of(labels)
        self._integers.append(np.stack(columns, axis=1))
        self._numbers.append(np.asarray(numbers, np.float64).reshape(-1, 5))

    def rows(self, *, one_based_inclusive: bool = False, class_of_file: str | None = None) -> DetectionRows:
        """All rows; corners that count pixels from 1, both ends inside, become house boxes."""
        lines, images, labels = np.concatenate(self._integers).T
        numbers = np.concatenate(self._numbers)
        scores, boxes = numbers[:, 0], numbers[:, 1:]
        if one_based_inclusive:
            boxes -= TO_ONE_BASED_INCLUSIVE
        names = NameColumn(tuple(self._image_codes), images), NameColumn(tuple(self._label_codes), labels)
        return DetectionRows(self.file, lines, *names, scores, boxes, self._empty, class_of_file)


class _Codes(dict[str, int]):
    """Numbers names from 0 in the order in which they are first asked for."""

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]

    def of(self, names: Sequence[str]) -> NDArray[np.int64]:
        return np.fromiter(map(self.__getitem__, names), np.int64, len(names))


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A text file to read, unpacked if it is a ``.gz``.

    Raises ``FileNotFoundError``, and ``ValueError`` where the content is damaged or no text.
    """
    with open_packed(path) as file:
        try:
            yield io.TextIOWrapper(file, encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not text: {error}") from error


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of every line that is not blank; raises as :func:`open_text`.

    Warns where the last line has no end: a file that was cut off may end in a number that is not whole.
    """
    line = "\n"
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line
    if not line.endswith("\n"):
        logger.warning("%s: its last line has no end; if the file was cut off, some of it is missing", path)


def number_of(name: str, numbers: Mapping[str, Number], what: str) -> Number:
    """What a name stands for; raises ``ValueError`` that gives the choices."""
    if name not in numbers:
        choices = ", ".join(list(numbers)[:20]) + (", ..." if len(numbers) > 20 else "")
        raise ValueError(f"{what} {name!r} is not one of {choices or 'none'}")
    return numbers[name]
