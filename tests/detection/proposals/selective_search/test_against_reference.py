"""The engine beside selective search in plain Python: the same boxes in the same order, on images of every kind."""

import itertools

import numpy as np
import pytest

from detection.proposals.selective_search import MODES, SelectiveSearch
from tests.detection.proposals import reference_selective_search as reference


def random_image(random, height, width):
    """Noise of few or many colours, smooth ramps, or flat blocks: sorting, ties and merging each get their share."""
    kind = random.integers(5)
    if kind < 3:
        return random.integers(0, (2, 20, 256)[kind], (height, width, 3), dtype=np.uint8)
    if kind == 3:
        ramp = np.add.outer(np.arange(height) * random.integers(0, 9), np.arange(width) * random.integers(0, 9))
        return np.stack([ramp + shift for shift in random.integers(0, 256, 3)], axis=2).astype(np.uint8)
    blocks = random.integers(0, 256, (height // 3 + 1, width // 3 + 1, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(blocks, np.ones((3, 3, 1), np.uint8))[:height, :width])


def check(seed, largest):
    random = np.random.default_rng(seed)
    mode = list(MODES)[seed % len(MODES)]
    image = random_image(random, *random.integers(1, largest, 2))
    scale = float(random.choice([0.02, 0.05, 0.2, 1.0]))
    found = SelectiveSearch(mode, scale, width=None, min_side=0, seed=seed)(image).boxes
    assert found.tolist() == [list(box) for box in reference.selective_search(image, mode, scale, seed)]


@pytest.mark.parametrize("seed", range(100))
def test_the_boxes_of_small_images_are_the_references(seed):
    check(seed, largest=12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 2100))
def test_the_boxes_of_many_images_are_the_references(seed):
    check(seed, largest=20)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 30), (30, 1), (2, 2), (1, 2)])
def test_the_thinnest_images_are_the_references(height, width):
    random = np.random.default_rng(height + width)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    for mode, scale in itertools.product(("rcnn-fast", "single"), (0.02, 1.0)):
        found = SelectiveSearch(mode, scale, width=None, min_side=0)(image).boxes
        assert found.tolist() == [list(box) for box in reference.selective_search(image, mode, scale)]
