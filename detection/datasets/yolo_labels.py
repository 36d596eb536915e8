"""One label file of YOLO: a row an object, ``class cx cy width height``, in shares of the upright photo's sides.

A row of a segment, ``class x1 y1 x2 y2 x3 y3 ...``, becomes the box around its points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes, as_boxes, clip
from detection.datasets.base import Refuse, stop
from detection.datasets.listing import read_lines

SLACK = 0.01  # of a side, by which a coordinate may leave the photo: what ultralytics allows
ROUNDING = 0.5  # pixels by which a box may leave its photo because its row was rounded
BOX, LEAST_SEGMENT = 5, 7  # words of a row: a class and four numbers, or at least three points
ROWS = "<class> <cx> <cy> <width> <height>, or <class> and the x and y of three points or more"
MOST_CHOICES = 20  # classes in a message


class UnknownClassError(ValueError):
    """A row whose class has no name."""


class FlatBoxError(ValueError):
    """A row whose box has no area."""


@dataclass(frozen=True)
class LabelFile:
    """The objects of one file in its order.

    ``labels`` index the names of the classes; ``corners`` (G, 4) float64: x1, y1, x2, y2 in shares of the photo's
    sides; ``lines`` they stand in, from 1.
    """

    path: Path
    labels: tuple[int, ...]
    corners: NDArray[np.float64]
    lines: tuple[int, ...]

    @classmethod
    def empty(cls, path: Path) -> LabelFile:
        return cls(path, (), np.zeros((0, 4)), ())

    def boxes(self, width: int, height: int) -> Boxes:
        """The boxes (G, 4) in pixels of a photo of this size, upright; one may leave it by more than rounding does."""
        boxes = as_boxes(self.corners * [width, height, width, height])
        inside = clip(boxes, width, height)
        return np.where(np.abs(boxes - inside) <= ROUNDING, inside, boxes)


def read_labels(path: Path, class_names: Sequence[str], refuse: Refuse = stop) -> LabelFile:
    """The content of a label file; an empty one has no objects.

    Raises ``FileNotFoundError`` where there is none, and ``ValueError`` where it is no text. A row that is not as it
    should be, of a class without a name (:class:`UnknownClassError`) or without area (:class:`FlatBoxError`) is refused
    with an error that names file and line, and left out where ``refuse`` returns.
    """
    labels, corners, lines = [], [], []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            label, box = _object(line.split(), f"{path}:{number}: ", class_names)
        except ValueError as fault:
            refuse(fault)
            continue
        labels.append(label)
        corners.append(box)
        lines.append(number)
    return LabelFile(path, tuple(labels), np.array(corners, np.float64).reshape(-1, 4), tuple(lines))


def _object(words: Sequence[str], place: str, class_names: Sequence[str]) -> tuple[int, tuple[float, ...]]:
    """The label and the corners of a row."""
    row = " ".join(words)
    row = row if len(row) <= 80 else f"{row[:80]} ..."
    try:
        label, *shares = [float(word.replace("_", "?")) for word in words]  # Python would read 1_0 as 10
    except ValueError:
        raise ValueError(f"{place}expected numbers, {ROWS}; got {row!r}") from None
    is_segment = len(words) >= LEAST_SEGMENT and len(words) % 2 == 1
    if not (len(words) == BOX or is_segment) or not label.is_integer():
        raise ValueError(f"{place}expected {ROWS}; got {len(words)} numbers, {row!r}")
    if not 0 <= label < len(class_names):
        choices = ", ".join(f"{number} {name}" for number, name in enumerate(class_names[:MOST_CHOICES]))
        more = ", ..." if len(class_names) > MOST_CHOICES else ""
        raise UnknownClassError(f"{place}no class {label:g}; there are: {choices}{more}")
    if not all(-SLACK <= share <= 1 + SLACK for share in shares):
        raise ValueError(f"{place}expected coordinates from 0 to 1, shares of the photo's sides; got {row!r}")
    corners = _around(shares) if is_segment else _centred(*shares)
    if corners[2] <= corners[0] or corners[3] <= corners[1]:
        raise FlatBoxError(f"{place}a {class_names[int(label)]} without area: {row!r}")
    return int(label), corners


def _centred(x: float, y: float, width: float, height: float) -> tuple[float, ...]:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _around(points: Sequence[float]) -> tuple[float, ...]:
    """The corners around points x1, y1, x2, y2, ..."""
    x, y = points[::2], points[1::2]
    return min(x), min(y), max(x), max(y)
