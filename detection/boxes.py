"""Box geometry: pure functions on xyxy boxes.

A box is ``(x1, y1, x2, y2)`` in absolute pixels, 0-based and half-open: its width is ``x2 - x1``. The VOC and ILSVRC
devkits count pixels from 1 and include both ends; their boxes are converted once, at the data set, by
:func:`from_one_based_inclusive`, which makes every ``+ 1`` of the devkits' formulas vanish.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float32]  # (R, 4)
LARGEST = 2**24  # pixels, beyond any image: float32 tells them apart up to here


def as_boxes(boxes: ArrayLike) -> Boxes:
    """The same boxes as a contiguous ``(R, 4)`` float32 array; an empty list gives ``(0, 4)``.

    Raises ``ValueError`` where the shape does not fit or a coordinate is not finite.
    """
    array = np.ascontiguousarray(boxes, dtype=np.float32)
    if array.size == 0:
        return np.zeros((0, 4), np.float32)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"expected boxes of shape (R, 4), got {array.shape}")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise ValueError(f"box {row} has a coordinate that is not a finite number: {array[row].tolist()}")
    return array


def area(boxes: Boxes) -> NDArray[np.float32]:
    """Area of every box: (R, 4) -> (R,); an inverted box has area 0."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou(boxes: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Intersection over union of every pair: (A, 4), (B, 4) -> (A, B); disjoint or empty boxes give 0."""
    top_left = np.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    intersection = sides[..., 0] * sides[..., 1]
    union = area(boxes)[:, None] + area(others)[None, :] - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0), np.float32)


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Boxes cut to an image of ``width`` x ``height`` pixels."""
    limits = np.array([width, height, width, height], np.float32)
    return np.asarray(np.clip(boxes, 0, limits), np.float32)


def flip_horizontal(boxes: Boxes, width: int) -> Boxes:
    """Boxes as they lie in the mirror image of an image ``width`` pixels wide."""
    flipped = boxes.copy()
    flipped[:, 0] = width - boxes[:, 2]
    flipped[:, 2] = width - boxes[:, 0]
    return flipped


def from_one_based_inclusive(boxes: Boxes) -> Boxes:
    """VOC / ILSVRC corners (1-based, both ends inside the box) to the house convention."""
    return np.asarray(boxes - np.array([1, 1, 0, 0], np.float32), np.float32)


def to_one_based_inclusive(boxes: Boxes) -> Boxes:
    """The house convention to VOC / ILSVRC corners (1-based, both ends inside the box)."""
    return np.asarray(boxes + np.array([1, 1, 0, 0], np.float32), np.float32)
