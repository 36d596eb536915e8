"""What scores are worth: temperature, thresholds, and where they apply."""

import json
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.calibration import Calibration, calibrated, fit_scale, thresholds_of
from detection.structures import Detections

RULES = {"best-f1": {"cat": 0.25, "dog": 0.5}, "precision=0.9": {"cat": 0.75, "dog": None}}
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def drawn(temperature: float, shift: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose shares of right ones are those of a temperature and a shift."""
    random = np.random.default_rng(0)
    scores = random.beta(0.6, 1.5, count).clip(1e-6, 1 - 1e-6)
    return scores, random.random(count) < calibrated(scores, temperature, shift)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("shift", [-1.5, 0, 1])
def test_what_made_the_shares_is_found(temperature: float, shift: float) -> None:
    assert fit_scale(*drawn(temperature, shift)) == pytest.approx((temperature, shift), rel=0.06, abs=0.08)


def test_the_fit_is_the_likeliest() -> None:
    scores, right = drawn(1.7, -0.5, 500)

    def loss(temperature: float, shift: float) -> float:
        shares = calibrated(scores, temperature, shift)
        return float(-np.log(np.where(right, shares, 1 - shares)).sum())

    temperature, shift = fit_scale(scores, right)
    around = [loss(temperature * factor, shift + move) for factor in (0.9, 1, 1.1) for move in (-0.1, 0, 0.1)]
    assert np.argmin(around) == 4


def test_where_nothing_can_be_learnt_scores_stay() -> None:
    for right in (np.ones(3, bool), np.zeros(3, bool), np.zeros(0, bool)):
        assert fit_scale(np.full(len(right), 0.3), right) == (1, 0)


@pytest.mark.parametrize("scores", [[0.4, 0.6], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [1e-30, 1 - 1e-16]], ids=str)
def test_few_and_wild_scores_stay_within_bounds(scores: list[float]) -> None:
    temperature, shift = fit_scale(np.array(scores), np.array([False, True]))
    assert 0.1 <= temperature <= 10
    assert abs(shift) < 100
    Calibration(temperature, shift)


@pytest.mark.parametrize(("surest", "bound"), [("wrong", 10), ("right", 0.1)])
def test_at_the_bounds_of_the_temperature_the_mean_is_still_the_share_of_right_ones(surest: str, bound: float) -> None:
    """Where few photos say too much of the temperature, they may still say how much is right."""
    scores = np.linspace(0.95, 0.9999, 200) if surest == "wrong" else np.linspace(0.49, 0.51, 200)
    right = np.arange(200) < 90 if surest == "wrong" else np.arange(200) >= 110
    temperature, shift = fit_scale(scores, right)
    assert temperature == pytest.approx(bound)
    assert calibrated(scores, temperature, shift).mean() == pytest.approx(0.45, abs=0.01)


def warm_scores(scores: list[float], temperature: float, shift: float) -> np.ndarray:
    """What a detector makes of its scores, (N,) float32."""
    boxes, labels = np.tile(np.array([0, 0, 4, 5], np.float32), (len(scores), 1)), np.zeros(len(scores), np.int64)
    return Calibration(temperature, shift)(Detections(boxes, np.array(scores, np.float32), labels)).scores


@given(SCORES, st.floats(0.1, 10), st.floats(-5, 5))
def test_no_two_detections_change_places(scores: list[float], temperature: float, shift: float) -> None:
    warm = warm_scores(sorted(scores), temperature, shift)
    assert (np.diff(warm) >= 0).all()
    assert ((warm >= 0) & (warm <= 1)).all()


@given(st.lists(st.integers(1, 999), max_size=20, unique=True), st.floats(0.5, 10), st.floats(-2, 2))
def test_scores_that_differ_do_so_still(thousandths: list[int], temperature: float, shift: float) -> None:
    warm = warm_scores([one / 1000 for one in sorted(thousandths)], temperature, shift)
    assert (np.diff(warm) > 0).all()


def test_detections_keep_all_but_their_scores() -> None:
    found = Detections(np.array([[0, 0, 4, 5]] * 2), np.array([0.2, 0.9]), np.array([1, 0]), "grid")
    warm = Calibration(2.0, 0.0)(found)
    assert warm.scores.tolist() == pytest.approx([1 / 3, 0.75])
    assert Calibration(1.0, 1.0)(found).scores[0] == pytest.approx(np.e / (np.e + 4))
    assert (warm.boxes == found.boxes).all()
    assert (warm.labels.tolist(), warm.fallback) == ([1, 0], "grid")


def test_it_survives_json() -> None:
    calibration = Calibration(1.5, -0.5, RULES, 6, {"photos": 3})
    assert Calibration(**json.loads(json.dumps(calibration.to_dict(), allow_nan=False))) == calibration


@pytest.mark.parametrize("temperature", [0, -1, 11, float("nan")])
def test_a_temperature_that_cannot_be_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match=r"a temperature from 0\.1 to 10 is expected, got"):
        Calibration(temperature)
    with pytest.raises(ValueError, match="a shift is a number"):
        Calibration(shift=inf)


@pytest.mark.parametrize(
    ("wanted", "calibrated", "expected"),
    [
        (None, False, 0.5),
        (None, True, {"dog": 0.5, "cat": 0.25}),
        ("0.3", True, 0.3),
        (1, False, 1.0),
        ("best-f1", True, {"dog": 0.5, "cat": 0.25}),
        ("precision=0.90", True, {"dog": inf, "cat": 0.75}),
    ],
)
def test_what_a_threshold_means(wanted: str | float | None, calibrated: bool, expected: object) -> None:
    assert thresholds_of(wanted, ("dog", "cat"), Calibration(thresholds=RULES) if calibrated else None) == expected


@pytest.mark.parametrize(
    ("wanted", "calibrated", "message"),
    [
        ("-0.1", True, "a score lies between 0 and 1"),
        ("nan", True, "a score lies"),
        ("1.5", False, "a score lies"),
        ("best-f1", False, "give a number such as 0.5; the model has no thresholds of its own"),
        ("precision=0.97", True, "neither a number nor one of the model's own: best-f1, precision=0.9"),
        ("best", True, "neither a number nor"),
    ],
)
def test_a_threshold_that_means_nothing_is_told(wanted: str, calibrated: bool, message: str) -> None:
    with pytest.raises(ValueError, match=f"threshold {wanted}: {message}"):
        thresholds_of(wanted, ("dog", "cat"), Calibration(thresholds=RULES) if calibrated else None)
