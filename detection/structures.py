"""The three columnar structures that travel between the stages: proposals, targets and detections.

Each is frozen and validates itself, so that a stage can trust what it is given; empty is ordinary. Boxes follow
:mod:`detection.boxes` and lie in the frame of the upright original image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.boxes import Boxes, as_boxes

RGBImage = NDArray[np.uint8]  # (H, W, 3)
Index = NDArray[np.bool_] | NDArray[np.integer] | Sequence[int] | slice | int  # a list of bool is one of int to mypy


def _rows(index: Index) -> NDArray[np.bool_] | NDArray[np.integer] | slice:
    """An index that leaves columns columns: one row of them is still a table, and a list is no pair of axes."""
    if isinstance(index, (slice, np.ndarray)):
        return index
    rows = np.atleast_1d(np.asarray(index))
    return rows if rows.size else rows.astype(np.int64)


def _column(name: str, values: ArrayLike | None, length: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    if values is None:
        return np.zeros(length, dtype)
    column = np.ascontiguousarray(values, dtype=dtype)
    if column.shape != (length,):
        raise ValueError(f"{name}: expected {length} values, one a box, got shape {column.shape}")
    return column


def _labels(values: ArrayLike, length: int) -> NDArray[np.generic]:
    labels, given = _column("labels", values, length, np.int64), np.asarray(values)
    wrong = np.flatnonzero((labels != given) | (labels < np.int64(0)))
    if len(wrong):
        raise ValueError(f"box {wrong[0]} has the label {given[wrong[0]]}; expected a whole number from 0 on")
    return labels


class _Columns:
    """What has the same columns is equal; as its arrays, it has no hash."""

    def __init__(self, **columns: object) -> None:
        for name, column in columns.items():
            object.__setattr__(self, name, column)  # the structures are frozen

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # each structure is a dataclass
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False, init=False)
class Proposals(_Columns):
    """Class-agnostic regions of one image, the most promising first.

    ``boxes`` (R, 4); ``scores`` (R,) is what they are ordered by (higher is better), zero where the proposer has none.
    ``fallback`` is the method that stood in for a proposer that ran out of time.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    fallback: str | None

    def __init__(self, boxes: ArrayLike, scores: ArrayLike | None = None, fallback: str | None = None) -> None:
        boxes = as_boxes(boxes)
        super().__init__(
            boxes=boxes, scores=_column("proposal scores", scores, len(boxes), np.float32), fallback=fallback
        )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Index) -> Proposals:
        keep = _rows(index)
        return Proposals(self.boxes[keep], self.scores[keep], self.fallback)


@dataclass(frozen=True, eq=False, init=False)
class Target(_Columns):
    """The annotated objects of one image.

    ``boxes`` (G, 4); ``labels`` (G,) in [0, K); ``difficult`` (G,): neither positive nor negative (VOC);
    ``crowd`` (G,): a region of many objects (COCO); ``areas`` (G,): pixels of the object, its box's area unless the
    annotation says otherwise (COCO counts the segment); ``xywh`` (G, 4): the boxes as the file states them, in float64
    and before any cut to the photo; ``None`` where they are ``boxes``. ``partial``: the image may show more objects of
    the classes than are annotated, so that what is not annotated in it is not background.
    """

    boxes: Boxes
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]
    xywh: NDArray[np.float64] | None
    partial: bool

    def __init__(
        self,
        boxes: ArrayLike,
        labels: ArrayLike,
        difficult: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
        areas: ArrayLike | None = None,
        xywh: NDArray[np.float64] | None = None,
        partial: bool = False,
    ) -> None:
        boxes = as_boxes(boxes)
        empty = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
        if len(empty):
            raise ValueError(f"object {int(empty[0])} has a box without area: {boxes[empty[0]].tolist()}")
        sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
        super().__init__(
            boxes=boxes,
            labels=_labels(labels, len(boxes)),
            difficult=_column("difficult", difficult, len(boxes), np.bool_),
            crowd=_column("crowd", crowd, len(boxes), np.bool_),
            areas=_column("areas", sides[:, 0] * sides[:, 1] if areas is None else areas, len(boxes), np.float64),
            xywh=xywh,
            partial=partial,
        )
        if xywh is not None and xywh.shape != boxes.shape:
            raise ValueError(f"xywh: expected the shape {boxes.shape} of the boxes, got {xywh.shape}")

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def stated(self) -> NDArray[np.float64]:
        """The corners (G, 4) as the file states them: every protocol compares detections with these, uncut."""
        if self.xywh is None:
            return self.boxes.astype(np.float64)
        return np.concatenate([self.xywh[:, :2], self.xywh[:, :2] + self.xywh[:, 2:]], axis=1)

    def __getitem__(self, index: Index) -> Target:
        keep = _rows(index)
        columns = self.labels[keep], self.difficult[keep], self.crowd[keep], self.areas[keep]
        return Target(self.boxes[keep], *columns, None if self.xywh is None else self.xywh[keep], self.partial)


@dataclass(frozen=True, eq=False, init=False)
class Detections(_Columns):
    """What a detector found in one image: ``boxes`` (D, 4), ``scores`` (D,), ``labels`` (D,) in [0, K).

    ``fallback`` is that of the proposals they were found in: see :class:`Proposals`.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    fallback: str | None

    def __init__(self, boxes: ArrayLike, scores: ArrayLike, labels: ArrayLike, fallback: str | None = None) -> None:
        boxes = as_boxes(boxes)
        scores = _column("scores", scores, len(boxes), np.float32)
        super().__init__(boxes=boxes, scores=scores, labels=_labels(labels, len(boxes)), fallback=fallback)
        if not np.isfinite(self.scores).all():
            raise ValueError("a detection's score is not a finite number")

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.boxes)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], float, int]]:
        """Box (4,), score and label of one detection after another."""
        return zip(self.boxes, self.scores.tolist(), self.labels.tolist(), strict=True)

    def __getitem__(self, index: Index) -> Detections:
        keep = _rows(index)
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep], self.fallback)
