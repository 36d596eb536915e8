"""From verdicts in ranking order to one number: the recall and precision curve, and two measures of it."""

import numpy as np

from detection.evaluation.matching import FALSE_POSITIVE, TRUE_POSITIVE, Verdicts
from detection.evaluation.tables import Floats

# k * 0.1 in double arithmetic, as the devkit's 0:0.1:1: three of them lie just above .3, .6 and .7, which a recall of
# exactly 3/10, 6/10 or 7/10 therefore does not reach.
RECALL_POINTS = np.arange(11) * 0.1


def recall_precision(verdicts: Verdicts, positives: int) -> tuple[Floats, Floats]:
    """Recall and precision after each detection: (N,) -> (N,), (N,); 0/0 is ``nan``.

    An ignored detection changes neither and keeps its place, so that points repeat.
    """
    found = np.cumsum(verdicts == TRUE_POSITIVE, dtype=np.float64)
    wrong = np.cumsum(verdicts == FALSE_POSITIVE, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return found / positives, found / (found + wrong)


def eleven_point(recall: Floats, precision: Floats) -> float:
    """Mean over eleven recalls of the best precision at that recall or beyond (VOC2007)."""
    precision = np.nan_to_num(precision, nan=0.0)
    return sum(float(precision[recall >= point].max(initial=0.0)) for point in RECALL_POINTS) / 11


def area_under_envelope(recall: Floats, precision: Floats) -> float:
    """Area under the curve after precision is raised to the best at that recall or beyond (VOCap.m, VOC2010 on)."""
    recall = np.concatenate([[0.0], recall, [1.0]])
    precision = np.concatenate([[0.0], np.nan_to_num(precision, nan=0.0), [0.0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))
