"""What is odd about detections without being wrong: worth a warning before they are measured."""

from __future__ import annotations

from collections.abc import Iterator

from detection.evaluation.naming import Placed
from detection.evaluation.result import Evaluation

MOST_NAMES = 20


def doubts(found: Placed) -> Iterator[str]:
    """Each oddity of what was found in a line."""
    if silent := int((~found.images).sum()):
        yield f"{silent} of {len(found.images)} images have no detections; in them nothing was found"
    listed = ", ".join(f"{name} ({count})" for name, count in found.left_out.items())
    if not len(found.table):
        what = f"no detection is of these classes, but of {listed}" if listed else "there are no detections at all"
        yield f"{what}: every average precision is 0"
    if flat := int((found.table.boxes[:, 2:] <= found.table.boxes[:, :2]).any(axis=1).sum()):
        yield f"{flat} detections have a box without area (x2 <= x1 or y2 <= y1); they count as false"
    if listed and len(found.table):
        yield f"left out, as the data set has no such class: {listed}"


def doubts_of_classes(result: Evaluation) -> Iterator[str]:
    """Classes with objects of which nothing was detected, where others were: they may go by another name."""
    sought = {name: one.detections for name, one in result.classes.items() if one.positives}
    unfound = [name for name, detections in sought.items() if not detections]
    if 0 < len(unfound) < len(sought):
        more = f" and {len(unfound) - MOST_NAMES} more" if len(unfound) > MOST_NAMES else ""
        listed = ", ".join(unfound[:MOST_NAMES]) + more
        share = f"{len(unfound)} of {len(sought)} classes"
        yield f"nothing was found of {share}, whose average precision is 0 (--classes leaves some out): {listed}"
