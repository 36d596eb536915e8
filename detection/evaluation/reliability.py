"""Whether scores mean what they say: that of the detections with a score of .8, eight in ten are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.judgement import Judgement
from detection.evaluation.matching import IGNORED, TRUE_POSITIVE
from detection.evaluation.result import or_none
from detection.evaluation.tables import Floats, Integers, Mask

BINS = 15


@dataclass(frozen=True, eq=False)
class Curve:
    """Detections in bins of rising score, empty bins left out: ``counts``, mean ``scores`` and share ``right``, (B,).

    ``error`` is the expected calibration error: the mean over detections of the distance between the two in its bin.
    """

    counts: Integers
    scores: Floats
    right: Floats

    @property
    def error(self) -> float:
        """``nan`` without detections."""
        total = self.counts.sum()
        return float((self.counts * np.abs(self.right - self.scores)).sum() / total) if total else float("nan")

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        columns = {name: column.tolist() for name, column in vars(self).items()}
        return {"error": or_none(self.error), **columns}


@dataclass(frozen=True, eq=False)
class Reliability:
    """All detections in bins of equal width and of equal mass, and every class's in bins of equal width."""

    equal_width: Curve
    equal_mass: Curve
    classes: Mapping[str, Curve]

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "equal_width": self.equal_width.summary(),
            "equal_mass": self.equal_mass.summary(),
            "classes": {name: curve.summary() for name, curve in self.classes.items()},
        }


def reliability(judgement: Judgement, bins: int = BINS) -> Reliability | None:
    """Scores against being right under the protocol, ignored detections left out.

    ``None`` where a score lies outside [0, 1]: such scores are no probabilities.
    """
    counted = judgement.verdicts != IGNORED
    scores, labels = judgement.detections.scores[counted], judgement.detections.labels[counted]
    right = judgement.verdicts[counted] == TRUE_POSITIVE
    if len(scores) and not 0 <= scores.min() <= scores.max() <= 1:
        return None
    bounds = np.linspace(0, 1, bins + 1)[1:-1]
    classes = {}
    for label, name in enumerate(judgement.class_names):
        classes[name] = _curve(scores[labels == label], right[labels == label], bounds)
    return Reliability(_curve(scores, right, bounds), _curve(scores, right, _equal_masses(scores, bins)), classes)


def _curve(scores: Floats, right: Mask, bounds: Floats) -> Curve:
    """A score on a bound is of the upper bin."""
    bins = np.searchsorted(bounds, scores, side="right")
    counts = np.bincount(bins, minlength=len(bounds) + 1)
    sums = [np.bincount(bins, values, minlength=len(bounds) + 1) for values in (scores, right)]
    filled = counts > 0
    return Curve(counts[filled], *(total[filled] / counts[filled] for total in sums))


def _equal_masses(scores: Floats, bins: int) -> Floats:
    """Scores that divide the detections equally; equal scores stay together."""
    ranked = np.sort(scores)
    return ranked[np.arange(1, bins) * len(ranked) // bins] if len(ranked) else ranked
