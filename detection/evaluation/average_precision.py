"""From verdicts in ranking order to one number: the recall and precision curve, and three measures of it.

The measures take one curve, (N,), or many side by side, (N, B) -> (B,).
"""

import numpy as np

from detection.evaluation.matching import FALSE_POSITIVE, TRUE_POSITIVE, Verdicts
from detection.evaluation.tables import Floats

# k * 0.1 in double arithmetic, as the devkit's 0:0.1:1: three of them lie just above .3, .6 and .7, which a recall of
# exactly 3/10, 6/10 or 7/10 therefore does not reach.
RECALL_POINTS = np.asarray(np.arange(11) * 0.1, np.float64)
COCO_RECALL_POINTS = np.linspace(0, 1, 101)  # as pycocotools has them


def recall_precision(verdicts: Verdicts, positives: int) -> tuple[Floats, Floats]:
    """Recall and precision after each detection: (N,) -> (N,), (N,); 0/0 is ``nan``.

    An ignored detection changes neither and keeps its place, so that points repeat.
    """
    found = np.cumsum(verdicts == TRUE_POSITIVE, dtype=np.float64)
    wrong = np.cumsum(verdicts == FALSE_POSITIVE, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return found / positives, found / (found + wrong)


def eleven_point(recall: Floats, precision: Floats) -> Floats:
    """Mean over eleven recalls of the best precision at that recall or beyond (VOC2007)."""
    return np.asarray(sum(_best_from(RECALL_POINTS, recall, precision)) / len(RECALL_POINTS))


def hundred_and_one_points(recall: Floats, precision: Floats) -> Floats:
    """Mean over 101 recalls of the best precision at that recall or beyond (COCO)."""
    return np.asarray(_best_from(COCO_RECALL_POINTS, recall, precision).mean(axis=0))


def area_under_envelope(recall: Floats, precision: Floats) -> Floats:
    """Area under the curve after precision is raised to the best at that recall or beyond (VOCap.m, VOC2010 on)."""
    return np.asarray(np.sum(np.diff(recall, axis=0, prepend=0, append=1) * _envelope(precision), axis=0))


def _envelope(precision: Floats) -> Floats:
    """The best precision from each place on, and 0 beyond the last: (N, ...) -> (N + 1, ...)."""
    envelope = np.zeros((len(precision) + 1, *precision.shape[1:]))
    np.maximum.accumulate(np.nan_to_num(precision[::-1], nan=0.0), axis=0, out=envelope[-2::-1])
    return envelope


def _best_from(points: Floats, recall: Floats, precision: Floats) -> Floats:
    """The best precision at each of P recalls or beyond: (N, ...) -> (P, ...)."""
    if recall.ndim == 1:
        places = np.searchsorted(recall, points)
    else:  # a search for each column would take longer; what is nan is never reached
        places = np.stack([np.sum(~(recall >= point), axis=0) for point in points])
    return np.take_along_axis(_envelope(precision), places, axis=0)
