"""What a detector's scores are worth: made probabilities, and cut where validation photos say.

A softmax score tells how sure the network is of a region; whether the detection is right also depends on where its box
lies and on what suppression left. A temperature and a shift turn one into the other (Platt, 1999).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.structures import Detections

BEST_F1 = "best-f1"
PRECISION = "precision"
PRECISIONS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)  # those that thresholds are kept for
USUAL = 0.5  # where nothing is calibrated
LOWEST, HIGHEST = 0.1, 10.0  # temperatures: beyond them a few photos have said too much

Floats = NDArray[np.float64]
Thresholds = dict[str, float]  # by class


@dataclass(frozen=True)
class Calibration:
    """What validation photos said of a detector's scores; it travels in the model file.

    A score s becomes sigmoid(logit(s) / ``temperature`` + ``shift``), which changes no order; but near 1 float32 has
    little room, and the surest may become equal, by which an average precision can move a little. ``thresholds``: by
    rule ("best-f1", "precision=0.9") and class, the calibrated score from which a detection counts; ``None`` for a
    class that never was so precise. ``models``: of how many averaged models the scores were; ``facts``: what it was
    fitted on, and how well it fits.
    """

    temperature: float = 1.0
    shift: float = 0.0
    thresholds: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    models: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not LOWEST <= self.temperature <= HIGHEST:
            raise ValueError(f"a temperature from {LOWEST:g} to {HIGHEST:g} is expected, got {self.temperature}")
        if not isfinite(self.shift):
            raise ValueError(f"a shift is a number, got {self.shift}")

    def __call__(self, found: Detections) -> Detections:
        """The same detections, their scores as probabilities of being right."""
        scores = calibrated(found.scores.astype(np.float64), self.temperature, self.shift).astype(np.float32)
        return Detections(found.boxes, scores, found.labels, found.fallback)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self)


def calibrated(scores: Floats, temperature: float, shift: float) -> Floats:
    """Scores (N,) in [0, 1] -> sigmoid(logit(score) / temperature + shift)."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-(_logit(scores) / temperature + shift))))


def fit_scale(scores: Floats, right: NDArray[np.bool_]) -> tuple[float, float]:
    """The temperature and shift at which scores (N,) are likeliest, given which detections were right (N,).

    Logistic regression, with Platt's targets, which keep few or perfect detections from extremes; a temperature beyond
    the bounds is the nearest within them, with the shift that is likeliest there. (1, 0) where all detections, or none,
    are right: nothing can be learnt from those.
    """
    hits = int(right.sum())
    if hits in {0, len(right)}:
        return 1.0, 0.0
    targets = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))
    logits, ones = np.clip(_logit(scores), -30, 30), np.ones(len(scores))
    slope, shift = _likeliest(np.stack([logits, ones]), targets, np.array([1.0, 0.0]), np.zeros_like(ones)).tolist()
    bounded = min(max(slope, 1 / HIGHEST), 1 / LOWEST)
    if bounded != slope:
        shift = float(_likeliest(ones[None], targets, np.zeros(1), bounded * logits)[0])
    return 1 / bounded, shift


def _likeliest(design: Floats, targets: Floats, weights: Floats, offset: Floats) -> Floats:
    """The weights (P,), from these on, at which sigmoid(weights @ design (P, N) + offset (N,)) fits targets (N,).

    Newton's steps, each as long as it gains.
    """

    def loss(weights: Floats) -> float:
        activation = weights @ design + offset
        return float((np.logaddexp(0, activation) - targets * activation).sum())

    for _ in range(100):
        shares = 1 / (1 + np.exp(-(weights @ design + offset)))
        curvature = (design * shares * (1 - shares)) @ design.T + 1e-9 * np.eye(len(design))
        step = np.linalg.solve(curvature, design @ (shares - targets))
        while np.abs(step).max() > 1e-9 and loss(weights - step) > loss(weights):
            step /= 2
        weights = weights - step
        if np.abs(step).max() <= 1e-9:
            break
    return weights


def thresholds_of(
    wanted: str | float | None, class_names: Sequence[str], calibration: Calibration | None
) -> Thresholds | float:
    """From which score a detection counts: a number for all classes, or each class's by a rule that was calibrated.

    Rules are ``best-f1`` and ``precision=0.9``; a class that never was so precise has infinity. ``None`` is best-f1
    where there is a calibration, and 0.5 elsewhere. Raises ``ValueError`` for what is neither number nor known rule.
    """
    if wanted is None:
        wanted = USUAL if calibration is None else BEST_F1
    try:
        number = float(wanted)
    except ValueError:
        return _by_rule(str(wanted), class_names, calibration)
    if not 0 <= number <= 1:
        raise ValueError(f"threshold {wanted}: a score lies between 0 and 1")
    return number


def _by_rule(wanted: str, class_names: Sequence[str], calibration: Calibration | None) -> Thresholds:
    name, equals, value = wanted.partition("=")
    rule = f"{name}={value.rstrip('0')}" if equals else name  # precision=0.90
    if calibration is None:
        raise ValueError(
            f"threshold {wanted}: give a number such as {USUAL:g}; the model has no thresholds of its own "
            "for these settings (tools/ensemble.py calibrate finds them)"
        )
    if rule not in calibration.thresholds:
        known = ", ".join(calibration.thresholds)
        raise ValueError(f"threshold {wanted}: neither a number nor one of the model's own: {known}")
    own = calibration.thresholds[rule]
    return {name: inf if (bar := own.get(name)) is None else bar for name in class_names}


def _logit(scores: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(scores) - np.log1p(-scores))
