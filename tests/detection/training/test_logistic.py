"""Logistic regression and Platt's sigmoid."""

import numpy as np
import pytest
from scipy.special import expit

from detection.training.logistic import drawn_in, fit_logistic, fit_sigmoid


def test_the_slope_of_the_loss_is_zero_at_what_is_found() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 4))
    targets = random.random(200) < expit(features @ [1, -2, 0, 0.5] - 1)
    weights, bias = fit_logistic(features, targets, cost=0.7)
    error = expit(features @ weights + bias) - targets
    assert weights + 0.7 * features.T @ error == pytest.approx(np.zeros(4), abs=1e-3)
    assert error.sum() == pytest.approx(0, abs=1e-3)  # the bias is free
    assert weights[0] > 0.5 > -0.5 > weights[1]


def test_a_sigmoid_finds_the_probabilities_that_margins_were_drawn_by() -> None:
    random = np.random.default_rng(1)
    margins = random.normal(-1, 1, 20_000).astype(np.float32)
    slope, shift = fit_sigmoid(margins, random.random(20_000) < expit(2.5 * margins + 0.5))
    assert (slope, shift) == pytest.approx((2.5, 0.5), abs=0.15)


def test_margins_that_are_told_apart_make_no_step() -> None:
    slope, shift = fit_sigmoid(np.array([-1, -1, 1, 1], np.float32), np.array([False, False, True, True]))
    assert expit(slope + shift) == pytest.approx(3 / 4, abs=0.01)


@pytest.mark.parametrize("positive", [[True, True, False], [True] * 3, [False] * 3])
def test_targets_are_drawn_in(positive: list[bool]) -> None:
    targets = drawn_in(np.array(positive))
    assert ((targets > 0) & (targets < 1)).all()
    assert np.array_equal(targets > 0.5, positive)
