"""COCO at an overlap of one half, detection by detection, to set beside the other protocols.

Its mean is COCO's AP50, of the same boxes. Known deviation: where a crowd and another ignored object of one class could
both excuse a detection, the crowd does, and the other stays for the next.
"""

from __future__ import annotations

from collections.abc import Sequence

from detection.evaluation.average_precision import hundred_and_one_points
from detection.evaluation.judgement import Judgement, judge
from detection.evaluation.protocol import Rules
from detection.evaluation.tables import DetectionTable, Mask, ObjectTable
from detection.evaluation.voc import VOC10

COCO_HALF = Rules(
    "coco at .5", VOC10.bars, best_free=True, ties_by_image=True, average_precision=hundred_and_one_points
)


def judge_coco_half(
    detections: DetectionTable, objects: ObjectTable, class_names: Sequence[str], crowd: Mask
) -> Judgement:
    """The 100 best detections of every image and class; ``crowd`` (M,) marks the crowds among the ignored objects."""
    return judge(COCO_HALF, detections, objects, class_names, crowd=crowd, most=100)
