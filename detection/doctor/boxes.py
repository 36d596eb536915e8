"""The boxes of one photo: without area, out of their frame, drawn twice, too small to be proposed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from detection.boxes import as_boxes, iou
from detection.doctor.contents import Entry, Thing
from detection.doctor.findings import (
    BEYOND_EDGE,
    CUT_BOX,
    DEGENERATE_BOX,
    FULL_FRAME,
    OUTSIDE_BOX,
    REPEATED_BOX,
    SMALL_OBJECTS,
    THIN_BOX,
    Case,
)
from detection.doctor.frames import Size
from detection.proposals.frame import frame_size

PROPOSAL_WIDTH = 500  # R-CNN, section 4.2
SMALL_SIDE = 16  # pixels there
EDGE = 1.0  # pixels: rounding, or counting from 0 in a format that counts from 1
NOTHING = 0.01  # pixels: rounding of floating-point corners
FULL = 0.99  # of the frame's area
SAME = 0.95  # IoU


def box_cases(entry: Entry, frame: Size | None) -> Iterator[Case]:
    """What is wrong with the objects of a photo; without a ``frame`` what can be told without it."""
    for thing in entry.objects:
        yield from _box_cases(entry, thing, frame)
    for one, other, overlap in _repeated(entry.objects):
        detail = f"as {one.place}, IoU {overlap:.2f}"
        yield Case(REPEATED_BOX, entry.split, entry.shown, str(other), detail, other.name)


def has_area(thing: Thing) -> bool:
    """Whether its box is neither flat nor inverted."""
    return thing.box[2] > thing.box[0] and thing.box[3] > thing.box[1]


def _box_cases(entry: Entry, thing: Thing, frame: Size | None) -> Iterator[Case]:
    case = partial(Case, split=entry.split, photo=entry.shown, object=str(thing), class_name=thing.name)
    x1, y1, x2, y2 = thing.box
    corners = f"x {x1:g} to {x2:g}, y {y1:g} to {y2:g}"
    if not has_area(thing):
        yield case(DEGENERATE_BOX, detail=corners)
        return
    thin = min(x2 - x1, y2 - y1) <= 1
    if thin:
        yield case(THIN_BOX, detail=f"{x2 - x1:g} x {y2 - y1:g} pixels")
    if frame is None:
        return
    width, height = frame
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        yield case(OUTSIDE_BOX, detail=f"{corners}, of {width} x {height}")
        return
    overhang = max(-x1, -y1, x2 - width, y2 - height)
    if overhang > NOTHING:
        yield case(CUT_BOX if overhang > EDGE + NOTHING else BEYOND_EDGE, detail=f"by {overhang:g} pixels")
    seen = (min(x2, width) - max(x1, 0)) * (min(y2, height) - max(y1, 0))
    if thing.counted and seen >= FULL * width * height:
        yield case(FULL_FRAME)
    scale = frame_size(height, width, PROPOSAL_WIDTH)[1] / width
    if thing.counted and not thin and min(x2 - x1, y2 - y1) * scale < SMALL_SIDE:
        yield case(SMALL_OBJECTS, detail=f"{(x2 - x1) * scale:.1f} x {(y2 - y1) * scale:.1f} there")


def _repeated(objects: Sequence[Thing]) -> Iterator[tuple[Thing, Thing, float]]:
    """Pairs of objects of one class in nearly the same place."""
    things = [thing for thing in objects if thing.counted and has_area(thing)]
    overlaps = iou(boxes := as_boxes([thing.box for thing in things]), boxes)
    for one, other in np.argwhere(np.triu(overlaps > SAME, 1)).tolist():
        if things[one].name == things[other].name:
            yield things[one], things[other], float(overlaps[one, other])
