"""The PASCAL VOC protocols; what they do is in the table of :mod:`detection.evaluation.matching`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from detection.evaluation.average_precision import area_under_envelope, eleven_point
from detection.evaluation.judgement import judge
from detection.evaluation.protocol import Rules
from detection.evaluation.result import Evaluation
from detection.evaluation.tables import DetectionTable, Floats, tables
from detection.structures import Detections, Target


def _one_half(boxes: Floats) -> Floats:
    return np.full(len(boxes), 0.5)


VOC07 = Rules("voc07", _one_half, best_free=False, ties_by_image=False, average_precision=eleven_point)
VOC10 = Rules("voc10", _one_half, best_free=False, ties_by_image=False, average_precision=area_under_envelope)


def voc07(
    predictions: Iterable[Detections] | DetectionTable, targets: Iterable[Target], class_names: Sequence[str]
) -> Evaluation:
    """Average precision at 11 recall points, as VOC2007 to VOC2009 measured it; images in the same order in both.

    Raises ``ValueError`` where the images do not correspond or a label is not of ``class_names``.
    """
    return judge(VOC07, *tables(predictions, targets), class_names).evaluation()


def voc10(
    predictions: Iterable[Detections] | DetectionTable, targets: Iterable[Target], class_names: Sequence[str]
) -> Evaluation:
    """Average precision as the area under the curve, as measured from VOC2010 on; images in the same order in both.

    Raises ``ValueError`` where the images do not correspond or a label is not of ``class_names``.
    """
    return judge(VOC10, *tables(predictions, targets), class_names).evaluation()
