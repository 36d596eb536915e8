"""Which classes are taken for which: (K + 1) x (K + 1) counts, the last row and column standing for no object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.judgement import Judgement
from detection.evaluation.matching import FALSE_POSITIVE, IGNORED, NO_OBJECT, TRUE_POSITIVE, match
from detection.evaluation.tables import Floats, Integers


@dataclass(frozen=True, eq=False)
class Confusion:
    """``counts`` (K + 1, K + 1): row the class of the object, column that of the detection.

    A row sums to the objects to find, a column to the detections counted; the last row is of detections without an
    object, the last column of objects without a detection, and their corner is 0. ``thresholds`` (K,): the score from
    which detections count, ``nan`` where none does.
    """

    class_names: tuple[str, ...]
    counts: Integers
    thresholds: Floats

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        thresholds = [None if np.isnan(threshold) else threshold for threshold in self.thresholds.tolist()]
        return {"classes": list(self.class_names), "counts": self.counts.tolist(), "thresholds": thresholds}


def confusion(judgement: Judgement, thresholds: Floats | float) -> Confusion:
    """Counts at a score threshold, or one a class, (K,).

    What is right under the protocol is on the diagonal. Then each other detection, by falling score, takes the best
    object of any class that is left and whose bar it passes. Ignored detections are not counted.
    """
    classes = len(judgement.class_names)
    each = np.broadcast_to(np.asarray(thresholds, np.float64), (classes,))
    labels = judgement.detections.labels
    with np.errstate(invalid="ignore"):
        counted = (judgement.detections.scores >= each[labels]) & (judgement.verdicts != IGNORED)
    met = np.where(counted & (judgement.verdicts == TRUE_POSITIVE), judgement.met, NO_OBJECT)
    left = judgement.sought.copy()
    left[met[met != NO_OBJECT]] = False
    ranked = judgement.ranking[(counted & (judgement.verdicts == FALSE_POSITIVE))[judgement.ranking]]
    rows = np.flatnonzero(left)
    others = judgement.objects[rows]
    taken = match(judgement.detections[ranked], others, judgement.rules.bars(others.boxes), best_free=True).objects
    met[ranked] = np.append(rows, NO_OBJECT)[taken]
    left[met[met != NO_OBJECT]] = False
    truth = np.append(judgement.objects.labels, classes)[met[counted]]  # a row of -1 is the last
    cells = np.concatenate(
        [truth * (classes + 1) + labels[counted], judgement.objects.labels[left] * (classes + 1) + classes]
    )
    counts = np.bincount(cells, minlength=(classes + 1) ** 2).reshape(classes + 1, classes + 1)
    return Confusion(judgement.class_names, counts, each)
