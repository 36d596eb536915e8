"""SVMs against a general solver of the same problem, and hard negatives against all negatives at once."""

import numpy as np
import pytest
from scipy.optimize import minimize

from detection.training import svm
from detection.training.svm import EASY, HARD, HardNegatives, LinearSvm, SvmSettings

SETTINGS = SvmSettings(cost=0.02, bias=3.0, positive_weight=2.0)


def examples(count: int = 120, channels: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping clouds, a fifth of them positive."""
    random = np.random.default_rng(seed)
    positive = np.arange(count) < count // 5
    features = random.normal(size=(count, channels)) + positive[:, None] * random.normal(size=channels)
    return features.astype(np.float32), positive


def objective(weights: np.ndarray, features: np.ndarray, positive: np.ndarray) -> float:
    """What liblinear's type 3 minimises, with -B and -w1."""
    margins = np.where(positive, 1, -1) * (features @ weights[:-1] + SETTINGS.bias * weights[-1])
    costs = SETTINGS.cost * np.where(positive, SETTINGS.positive_weight, 1)
    return float(weights @ weights / 2 + costs @ np.maximum(0, 1 - margins))


def by_quadratic_programming(features: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """The same minimum as a smooth problem with slacks, by a general solver."""
    signs, count, width = np.where(positive, 1.0, -1.0), len(features), features.shape[1] + 1
    x = np.append(features, np.full((count, 1), SETTINGS.bias), axis=1) * signs[:, None]
    costs = SETTINGS.cost * np.where(positive, SETTINGS.positive_weight, 1)
    found = minimize(
        lambda v: (v[:width] @ v[:width] / 2 + costs @ v[width:], np.append(v[:width], costs)),
        np.append(np.zeros(width), np.ones(count)),
        jac=True,
        bounds=[(None, None)] * width + [(0, None)] * count,
        constraints={
            "type": "ineq",
            "fun": lambda v: x @ v[:width] - 1 + v[width:],
            "jac": lambda _: np.append(x, np.eye(count), axis=1),
        },
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found.success
    return np.asarray(found.x[:width])


def fitted(features: np.ndarray, positive: np.ndarray) -> LinearSvm:
    one = LinearSvm(SETTINGS, np.zeros(features.shape[1] + 1, np.float32))
    one.fit(features, positive, np.zeros(len(features)))
    return one


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_svm_is_the_one_that_a_general_solver_finds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svm, "TOLERANCE", 1e-6)
    features, positive = examples(seed=seed)
    expected = by_quadratic_programming(features, positive)
    found = fitted(features, positive).weights
    assert found == pytest.approx(expected, abs=2e-4)
    assert np.abs(expected).max() > 0.05


def test_the_usual_tolerance_is_near_the_minimum() -> None:
    features, positive = examples()
    best = objective(by_quadratic_programming(features, positive), features, positive)
    assert objective(fitted(features, positive).weights, features, positive) < best * 1.001


def test_margins_have_the_bias_in_them() -> None:
    one = LinearSvm(SETTINGS, np.array([1, -2, 0.5], np.float32))
    assert one.margins(np.array([[1, 1], [2, 0]], np.float32)).tolist() == [1 - 2 + 1.5, 2 + 1.5]


def test_hard_negatives_from_a_stream_make_the_svm_of_all_negatives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svm, "RETRAIN", 60)
    monkeypatch.setattr(svm, "TOLERANCE", 1e-5)
    features, positive = examples(1500, seed=3)
    mining = HardNegatives(features[positive], SETTINGS)
    for start in range(300, 1500, 20):
        mining.add(features[start : start + 20])
    streamed = mining.fit()
    kept = sum(map(len, mining.examples)) - positive.sum()
    assert kept < 900  # of 1200: the others were easy, and no longer there
    everything = fitted(features, positive)
    assert streamed.weights == pytest.approx(everything.weights, abs=0.02)
    assert (everything.margins(features[~positive]) < EASY).sum() > 200


def test_before_the_first_fit_all_are_hard_and_later_those_inside_the_margin() -> None:
    features, positive = examples(600, seed=4)
    mining = HardNegatives(features[positive], SETTINGS)
    mining.add(features[~positive])
    assert sum(map(len, mining.examples)) == 600
    first = mining.fit()
    before = sum(map(len, mining.examples))
    others = examples(600, seed=5)[0]
    mining.add(others)
    hard = (first.margins(others) > HARD).sum()
    assert 0 < hard < 600
    assert sum(map(len, mining.examples)) == before + hard


def test_a_class_that_no_negative_was_seen_of_has_an_svm() -> None:
    features, _ = examples(10)
    mining = HardNegatives(features, SETTINGS)
    mining.add(features[:0])
    assert (mining.fit().margins(features) > 0).all()
