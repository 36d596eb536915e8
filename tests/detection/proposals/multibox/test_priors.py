"""The typical boxes that MultiBox looks through."""

import numpy as np
import pytest

from detection.boxes import iou
from detection.proposals.multibox.priors import fit_priors, kmeans


def clusters(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Five centres, and 40 points close about each of them."""
    centres = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]])
    return centres, (centres[:, None] + random.normal(0, 0.01, (5, 40, 2))).reshape(-1, 2)


@pytest.mark.parametrize("seed", range(10))
def test_planted_clusters_are_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    planted, points = clusters(random)
    found = kmeans(points, 5, random)
    distances = np.linalg.norm(planted[:, None] - found, axis=2)
    assert sorted(distances.argmin(axis=1)) == [0, 1, 2, 3, 4]
    assert distances.min(axis=1).max() < 0.01


def test_centres_are_the_means_of_the_points_nearest_to_them() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(200, 3))
    centres = kmeans(points, 7, random)
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    means = np.stack([points[nearest == k].mean(axis=0) for k in range(7)])
    assert np.allclose(centres, means, atol=0.05)  # it may stop before the very last round


def test_no_more_centres_than_points_that_differ() -> None:
    points = np.repeat([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]], 5, axis=0)
    found = kmeans(points, 10, np.random.default_rng(0))
    assert np.allclose(sorted(found.tolist()), [[0, 0], [1, 2], [3, 1]])
    assert kmeans(np.zeros((0, 4)), 10, np.random.default_rng(0)).shape == (0, 4)


def some_boxes(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    low = random.uniform(0, 0.7, (count, 2))
    return np.concatenate([low, low + random.uniform(0.05, 0.3, (count, 2))], axis=1).astype(np.float32)


def test_priors_are_boxes_inside_the_image_and_the_same_every_time() -> None:
    priors = fit_priors(some_boxes(300), 50, seed=3)
    assert priors.shape == (50, 4)
    assert priors.dtype == np.float32
    assert ((priors >= 0) & (priors <= 1)).all()
    assert (priors[:, 2:] > priors[:, :2]).all()
    assert np.array_equal(priors, fit_priors(some_boxes(300), 50, seed=3))
    assert not np.array_equal(priors, fit_priors(some_boxes(300), 50, seed=4))


def test_priors_cover_other_boxes_of_the_same_kind_and_more_of_them_more() -> None:
    others = some_boxes(300, seed=1)
    few, many = (iou(fit_priors(some_boxes(300), count), others).max(axis=0).mean() for count in (20, 200))
    assert few < many
    assert many > 0.5


def test_mirror_images_count_too() -> None:
    left = np.repeat(np.array([[0.0, 0.4, 0.2, 0.6]], np.float32), 20, axis=0)
    priors = fit_priors(left, 6)
    centres = priors[:, [0, 2]].mean(axis=1)
    assert (centres < 0.4).any()
    assert (centres > 0.6).any()


def test_no_boxes_give_no_priors() -> None:
    assert fit_priors(np.zeros((0, 4), np.float32), 10).shape == (0, 4)
