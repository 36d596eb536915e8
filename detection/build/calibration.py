"""Fitting what a detector's scores are worth, on detections of validation photos."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from detection.calibration import BEST_F1, HIGHEST, LOWEST, PRECISION, PRECISIONS, Calibration, calibrated, fit_scale
from detection.evaluation.judgement import Judgement
from detection.evaluation.matching import IGNORED, TRUE_POSITIVE
from detection.evaluation.operating_points import OperatingPoint, at_precision, best_f1
from detection.evaluation.reliability import reliability

logger = logging.getLogger(__name__)


def fit_calibration(judgement: Judgement, images: int, models: int = 1) -> Calibration:
    """The calibration of a detector of so many averaged ``models`` from its raw detections in ``images`` photos.

    Temperature and shift are those of the detections' scores that are likeliest for which of them are right under the
    protocol. Raises ``ValueError`` for scores outside [0, 1] and where there is nothing to learn from.
    """
    before = reliability(judgement)
    counted = judgement.verdicts != IGNORED
    right = judgement.verdicts[counted] == TRUE_POSITIVE
    if before is None:
        raise ValueError("scores outside 0..1 cannot be calibrated: are they a detector's own?")
    if not right.any():
        raise ValueError(f"none of {len(right)} detections in {images} photos is right: nothing to calibrate by")
    scale = fit_scale(judgement.detections.scores[counted], right)
    if scale[0] in (LOWEST, HIGHEST):
        logger.warning(
            "the temperature ends at its bound, %g: too few photos (%d), or scores that hardly tell right from wrong",
            scale[0],
            images,
        )
    warm = _warm(judgement, *scale)
    after = reliability(warm)
    assert after is not None
    rules = {BEST_F1: best_f1(warm)} | {f"{PRECISION}={share:g}": at_precision(warm, share) for share in PRECISIONS}
    facts = {
        "protocol": judgement.rules.name,
        "photos": images,
        "detections": len(right),
        "calibration_error": [round(before.equal_mass.error, 4), round(after.equal_mass.error, 4)],
    }
    return Calibration(*scale, {rule: _thresholds(points) for rule, points in rules.items()}, models, facts)


def _warm(judgement: Judgement, temperature: float, shift: float) -> Judgement:
    """The same verdicts on calibrated scores, which a detector rounds to float32."""
    scores = calibrated(judgement.detections.scores, temperature, shift).astype(np.float32).astype(np.float64)
    return replace(judgement, detections=replace(judgement.detections, scores=scores))


def _thresholds(points: Mapping[str, OperatingPoint]) -> dict[str, float | None]:
    """By class, rounded down so that what lies on one counts."""
    return {
        name: None if np.isnan(point.threshold) else float(np.floor(point.threshold * 1e4) / 1e4)
        for name, point in points.items()
    }
