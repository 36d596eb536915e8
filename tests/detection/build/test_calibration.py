"""A calibration fitted on verdicts."""

from dataclasses import replace

import numpy as np
import pytest

from detection.build.calibration import fit_calibration
from detection.calibration import PRECISIONS, Calibration
from detection.evaluation.analysis import judge_under
from detection.evaluation.judgement import Judgement
from detection.evaluation.operating_points import at_precision, best_f1
from detection.structures import Detections, Target

PHOTOS = 300


def judged(scores: np.ndarray, right: np.ndarray, classes: tuple[str, ...] = ("cat", "dog")) -> Judgement:
    """A detection and a cat in every photo; what is right lies on the cat."""
    cat = np.array([[10, 10, 30, 30]], np.float32)
    found = [
        Detections(cat if hit else cat + 100, np.array([score], np.float32), np.array([0]))
        for score, hit in zip(scores, right, strict=True)
    ]
    return judge_under("voc10", found, [Target(cat, np.array([0]))] * len(found), classes)


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    """Scores that are too sure: right as often as at a temperature of 2."""
    random = np.random.default_rng(0)
    scores = random.uniform(0.02, 0.98, PHOTOS)
    odds = np.sqrt(scores / (1 - scores))
    return judged(scores, random.random(PHOTOS) < odds / (1 + odds))


def test_the_fit_is_better_calibrated_and_keeps_the_average_precision(judgement: Judgement) -> None:
    fitted = fit_calibration(judgement, PHOTOS, models=6)
    assert 1.5 < fitted.temperature < 2.7
    before, after = fitted.facts["calibration_error"]
    assert after < before
    assert (fitted.models, fitted.facts["photos"], fitted.facts["detections"]) == (6, PHOTOS, PHOTOS)
    table = judgement.detections
    warm = fitted(Detections(table.boxes, table.scores, table.labels))
    again = replace(judgement, detections=replace(table, scores=warm.scores.astype(np.float64)))
    assert again.average_precisions[0] == judgement.average_precisions[0]


def test_a_temperature_at_its_bound_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Scores that say nothing: as sure of the wrong ones as of the right ones."""
    scores = np.tile([0.001, 0.999], 50)
    fitted = fit_calibration(judged(scores, np.repeat([True, False], 50)), 100)
    assert fitted.temperature == 10
    assert caplog.messages[0].startswith("the temperature ends at its bound, 10: too few photos (100), or scores")


def test_thresholds_are_of_calibrated_scores(judgement: Judgement) -> None:
    fitted = fit_calibration(judgement, PHOTOS)
    raw = best_f1(judgement)["cat"].threshold
    expected = float(
        Calibration(fitted.temperature, fitted.shift)(
            Detections(np.zeros((1, 4)), np.array([raw]), np.array([0]))
        ).scores[0]
    )
    assert fitted.thresholds["best-f1"]["cat"] == pytest.approx(expected, abs=1e-4)
    assert fitted.thresholds["best-f1"]["cat"] <= expected  # what lies on it counts
    assert list(fitted.thresholds) == ["best-f1", *(f"precision={share:g}" for share in PRECISIONS)]
    bars = [bar for share in PRECISIONS if (bar := fitted.thresholds[f"precision={share:g}"]["cat"]) is not None]
    assert bars == sorted(bars)
    assert {classes["dog"] for classes in fitted.thresholds.values()} == {None}  # there is none to find


def test_the_threshold_of_a_precision_is_the_lowest() -> None:
    judgement = judged(np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([False, True, True, True, False]))
    points = at_precision(judgement, 0.75)
    assert points["cat"].threshold == pytest.approx(0.6)
    assert (points["cat"].precision, points["cat"].recall) == (0.75, 0.6)
    assert np.isnan(at_precision(judgement, 0.8)["cat"].threshold)
    assert np.isnan(points["dog"].threshold)


def test_where_nothing_is_right_nothing_is_fitted() -> None:
    with pytest.raises(ValueError, match="none of 2 detections in 2 photos is right"):
        fit_calibration(judged(np.array([0.3, 0.4]), np.zeros(2, bool)), 2)


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"scores outside 0\.\.1"):
        fit_calibration(judged(np.array([0.3, 4]), np.ones(2, bool)), 2)
