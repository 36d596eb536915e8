"""What a reader returns: the detections of one file, a row each, still by the names that the file uses."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from detection.results import DetectionsFileError, open_packed

Number = TypeVar("Number")
TO_ONE_BASED_INCLUSIVE = np.array([1.0, 1.0, 0.0, 0.0])  # added to a box of the house convention


@dataclass(frozen=True, eq=False)
class DetectionRows:
    """Detections in the order of their file, which decides between equal scores.

    ``lines`` (N,) is where each was found, from 1; ``images`` (N) are ids, ``labels`` (N) class names; ``scores`` (N,);
    ``boxes`` (N, 4) in the house convention; ``empty`` are the images, with their lines, of which the file says that
    nothing was found. Raises ``DetectionsFileError`` for a number that is not finite. Inverted
    boxes are let through: other detectors make them, and the devkits count them as false.
    """

    file: Path
    lines: NDArray[np.int64]
    images: tuple[str, ...]
    labels: tuple[str, ...]
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]
    empty: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        strange = ~(np.isfinite(self.scores) & np.isfinite(self.boxes).all(axis=1))
        if strange.any():
            row = int(np.flatnonzero(strange)[0])
            numbers = f"score {self.scores[row]}, box {self.boxes[row].tolist()}"
            raise DetectionsFileError(self.file, int(self.lines[row]), f"a number that is not finite: {numbers}")

    def __len__(self) -> int:
        return len(self.lines)


class RowsBuilder:
    """Collects the rows of one file while it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: list[int] = []
        self._images: list[str] = []
        self._labels: list[str] = []
        self._scores: list[float] = []
        self._boxes: list[list[float]] = []
        self._empty: dict[str, int] = {}

    def add_empty(self, line: int, image: str) -> None:
        self._empty[image] = line

    def add(self, line: int, image: str, label: str, score: float, box: list[float]) -> None:
        self._lines.append(line)
        self._images.append(image)
        self._labels.append(label)
        self._scores.append(score)
        self._boxes.append(box)

    def rows(self, *, one_based_inclusive: bool = False) -> DetectionRows:
        """All rows; corners that count pixels from 1, both ends inside, become house boxes."""
        boxes = np.array(self._boxes, np.float64).reshape(-1, 4)
        if one_based_inclusive:
            boxes -= TO_ONE_BASED_INCLUSIVE
        lines, scores = np.array(self._lines, np.int64), np.array(self._scores, np.float64)
        images, labels = tuple(self._images), tuple(self._labels)
        return DetectionRows(self.file, lines, images, labels, scores, boxes, self._empty)


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
    """Number, from 1, and text of every line that is not blank; raises as :func:`open_text`."""
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def number_of(name: str, numbers: Mapping[str, Number], what: str) -> Number:
    """What a name stands for; raises ``ValueError`` that gives the choices."""
    if name not in numbers:
        choices = ", ".join(list(numbers)[:20]) + (", ..." if len(numbers) > 20 else "")
        raise ValueError(f"{what} {name!r} is not one of {choices or 'none'}")
    return numbers[name]
