"""Ridge regression from sums against least squares on all pairs."""

import numpy as np
import pytest

from detection.training.ridge import RidgeSums

LAMBDA, SCALE = 7.0, 1.5


def pairs(count: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    features = random.normal(size=(count, 5)).astype(np.float32)
    targets = (features @ random.normal(size=(5, 4)) + random.normal(size=(count, 4)) + 2).astype(np.float32)
    return features, targets, random.integers(0, 2, count)


def by_least_squares(features: np.ndarray, targets: np.ndarray, whiten: bool) -> tuple[np.ndarray, np.ndarray]:
    """As rcnn_train_bbox_regressor.m has it: constant feature, centred and whitened targets, and back again."""
    x = np.append(features.astype(float) * SCALE, np.ones((len(features), 1)), axis=1)
    mean = targets.astype(float).mean(axis=0)
    y = targets - mean
    there, back = np.eye(4), np.eye(4)
    if whiten:
        values, vectors = np.linalg.eigh(y.T @ y / len(y))
        there = vectors @ np.diag(1 / np.sqrt(values + 0.001)) @ vectors.T
        back = vectors @ np.diag(np.sqrt(values + 0.001)) @ vectors.T
    rows = np.append(x, np.sqrt(LAMBDA) * np.eye(x.shape[1]), axis=0)  # lambda as so many more rows
    found, *_ = np.linalg.lstsq(rows, np.append(y @ there, np.zeros((x.shape[1], 4)), axis=0))
    found = found @ back
    return found[:-1].T, found[-1] + mean


@pytest.mark.parametrize("whiten", [False, True])
def test_sums_of_a_stream_give_the_least_squares_of_all_pairs_whitened_or_not(*, whiten: bool) -> None:
    features, targets, labels = pairs()
    sums = RidgeSums(2, 5)
    for start in range(0, 90, 17):
        rows = slice(start, start + 17)
        sums.add(features[rows], targets[rows], labels[rows])
    weights, biases = sums.solve(LAMBDA, SCALE)
    for k in range(2):
        expected = by_least_squares(features[labels == k], targets[labels == k], whiten)
        assert weights[k] == pytest.approx(expected[0], abs=1e-5)
        assert biases[k] == pytest.approx(expected[1], abs=1e-5)


def test_the_scale_brings_features_to_the_norm_asked_for() -> None:
    features, targets, labels = pairs()
    sums = RidgeSums(2, 5)
    sums.add(features[:40], targets[:40], labels[:40])
    sums.add(features[40:], targets[40:], labels[40:])
    assert np.linalg.norm(features * sums.scale(20.0), axis=1).mean() == pytest.approx(20, rel=1e-5)


def test_a_class_without_pairs_leaves_boxes_as_they_are() -> None:
    features, targets, _ = pairs()
    sums = RidgeSums(3, 5)
    sums.add(features, targets, np.full(90, 1))
    weights, biases = sums.solve(LAMBDA, 1.0)
    assert (weights[[0, 2]] == 0).all()
    assert (biases[[0, 2]] == 0).all()
    assert np.abs(weights[1]).min() > 0
    assert RidgeSums(1, 5).scale(20.0) == 1
