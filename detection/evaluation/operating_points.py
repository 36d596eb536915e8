"""Where to cut: the score threshold with the best F1 of every class, and curves of few enough points to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.average_precision import recall_precision
from detection.evaluation.judgement import Judgement
from detection.evaluation.matching import FALSE_POSITIVE, TRUE_POSITIVE
from detection.evaluation.result import or_none
from detection.evaluation.tables import Floats

MOST_POINTS = 200


@dataclass(frozen=True)
class OperatingPoint:
    """What a class has where detections count from a score of ``threshold`` on; ``nan`` where undefined."""

    threshold: float
    precision: float
    recall: float
    f1: float

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {name: or_none(value) for name, value in vars(self).items()}


def best_f1(judgement: Judgement) -> Mapping[str, OperatingPoint]:
    """Of every class the threshold with the highest F1, the highest threshold of several.

    A class without objects to find, or in which nothing is right, has no threshold: ``nan``.
    """
    return {name: _point(cuts, cuts.f1.argmax() if len(cuts.f1) else None) for name, cuts in _cuts(judgement)}


def at_precision(judgement: Judgement, precision: float) -> Mapping[str, OperatingPoint]:
    """Of every class the lowest threshold, and so the highest recall, at which so large a share is right.

    A class that never is so precise has no threshold: ``nan``.
    """
    points = {}
    for name, cuts in _cuts(judgement):
        enough = np.flatnonzero(cuts.precision >= precision)
        points[name] = _point(cuts, enough[-1] if len(enough) else None)
    return points


@dataclass(frozen=True, eq=False)
class _Cuts:
    """Every score at which a class can be cut and something is right, the highest first: (C,) each."""

    thresholds: Floats
    precision: Floats
    recall: Floats
    f1: Floats


def _cuts(judgement: Judgement) -> Iterator[tuple[str, _Cuts]]:
    """The cuts of every class; none for a class without objects to find."""
    for name, ranked, positives in zip(
        judgement.class_names, judgement.ranked_by_class, judgement.positives.tolist(), strict=True
    ):
        rows = ranked if positives else ranked[:0]
        scores, verdicts = judgement.detections.scores[rows], judgement.verdicts[rows]
        found, wrong = (np.cumsum(verdicts == kind) for kind in (TRUE_POSITIVE, FALSE_POSITIVE))
        cuts = np.flatnonzero(np.diff(scores, append=-np.inf))  # equal scores are all in or all out
        cuts = cuts[found[cuts] > 0]
        found, wrong = found[cuts], wrong[cuts]
        f1 = 2 * found / (found + wrong + positives)
        yield name, _Cuts(scores[cuts], found / (found + wrong), found / max(positives, 1), f1)


def _point(cuts: _Cuts, place: int | np.integer | None) -> OperatingPoint:
    if place is None:
        return OperatingPoint(*[float("nan")] * 4)
    return OperatingPoint(*(float(column[place]) for column in vars(cuts).values()))


def thinned(recall: Floats, precision: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """The corners of a curve's envelope, by rising recall: (N,), (N,) -> (P,), (P,), P at most ``most``.

    At a corner the best precision at that recall or beyond is reached, and falls after it: each held back to the recall
    of the corner before, they are the envelope itself. Of too many corners those are kept that come first after equal
    steps of recall: the envelope is never drawn higher, and shifted by less than a recall of 1 / (``most`` - 1).
    """
    rises = np.diff(recall, prepend=0) > 0  # elsewhere precision only falls, or nothing is counted
    recall, precision = recall[rises], precision[rises]
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    corners = np.flatnonzero(np.diff(envelope, append=-1) < 0)
    if len(corners) > most:
        places = np.searchsorted(recall[corners], np.linspace(recall[corners[0]], recall[corners[-1]], most))
        corners = corners[np.unique(np.minimum(places, len(corners) - 1))]
    return recall[corners], precision[corners]


def recall_precision_curves(judgement: Judgement) -> Mapping[str, tuple[Floats, Floats]]:
    """Every class's recall and precision at the corners of its envelope; empty without an object to find."""
    curves = {}
    for name, rows, positives in zip(
        judgement.class_names, judgement.ranked_by_class, judgement.positives.tolist(), strict=True
    ):
        verdicts = judgement.verdicts[rows] if positives else judgement.verdicts[:0]
        curves[name] = thinned(*recall_precision(verdicts, positives))
    return curves
