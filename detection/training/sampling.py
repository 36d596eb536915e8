"""Which regions a network is trained on, and as what (R-CNN, section 2.3 and appendix B)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes, area, iou
from detection.structures import Target

IGNORED = -1


@dataclass(frozen=True)
class RegionLabels:
    """What each of R regions shows.

    ``classes`` (R,): 0 background, k + 1 an object of class k, -1 neither; ``overlap`` (R,): the largest IoU with any
    countable object; ``matches`` (R, 4): the box of that object, the region itself where there is none.
    """

    classes: NDArray[np.int64]
    overlap: NDArray[np.float32]
    matches: Boxes


def label_regions(boxes: Boxes, target: Target, positive_overlap: float = 0.5) -> RegionLabels:
    """A region is an object of the class it overlaps most, if that is at least ``positive_overlap``; else background.

    What would be background but shows a difficult object, or lies in a crowd, is neither: it would teach the wrong
    thing either way. So is all that would be background in a photo that is annotated in part.
    """
    ignored = target.difficult | target.crowd
    objects, others = target[~ignored], target[ignored]
    overlaps = iou(boxes, objects.boxes)
    if len(objects):
        best = overlaps.argmax(axis=1)
        overlap = overlaps[np.arange(len(boxes)), best]
        matches = objects.boxes[best]
        positive = overlap >= positive_overlap
        classes = np.where(positive, objects.labels[best] + 1, 0)
    else:
        overlap = np.zeros(len(boxes), np.float32)
        matches, classes = boxes.copy(), np.zeros(len(boxes), np.int64)
    if len(others):
        classes[(overlap_with(boxes, others) >= positive_overlap) & (classes == 0)] = IGNORED
    if target.partial:
        classes[classes == 0] = IGNORED
    return RegionLabels(classes.astype(np.int64), overlap.astype(np.float32), matches)


def overlap_with(boxes: Boxes, objects: Target) -> NDArray[np.float32]:
    """The largest IoU with an object or, if more, the share that lies inside a crowd among them (R,)."""
    overlap = iou(boxes, objects.boxes).max(axis=1, initial=0)
    return np.asarray(np.maximum(overlap, share_inside(boxes, objects.boxes[objects.crowd])), np.float32)


def share_inside(boxes: Boxes, crowds: Boxes) -> NDArray[np.float32]:
    """The largest share of each box that lies inside one of some crowds (R,).

    A crowd's box holds many objects, so that a box of one of them hardly overlaps it (COCO).
    """
    top_left = np.maximum(boxes[:, None, :2], crowds[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], crowds[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    inside = sides[..., 0] * sides[..., 1] / np.maximum(area(boxes), 1e-6)[:, None]
    return np.asarray(inside.max(axis=1, initial=0), np.float32)
