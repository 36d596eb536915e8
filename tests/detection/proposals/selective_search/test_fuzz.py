"""Images that nobody takes, through every mode: each is answered, the same twice."""

import numpy as np
import pytest

from detection.proposals.selective_search import MODES, SelectiveSearch
from tests.contracts import assert_is_proposals


def noise(random, height, width):
    return random.integers(0, 256, (height, width, 3))


def one_colour(random, height, width):
    return np.zeros((height, width, 1)) + random.choice([0, 1, 127, 254, 255], 3)


def two_colours(random, height, width):
    share = random.choice([0.01, 0.5, 0.99])
    return np.where(random.random((height, width, 1)) < share, random.integers(0, 256, 3), random.integers(0, 256, 3))


def ramp(random, height, width):
    slopes = random.choice([0, 0.25, 1, 3], (2, 3))
    return np.arange(height)[:, None, None] * slopes[0] + np.arange(width)[:, None] * slopes[1]


def checkerboard(random, height, width):
    side = random.integers(1, 9)
    fields = np.add.outer(np.arange(height) // side, np.arange(width) // side) % 2
    return np.where(fields[..., None], random.integers(0, 256, 3), random.integers(0, 256, 3))


def salt(random, height, width):
    return np.where(random.random((height, width, 1)) < 0.05, 255, one_colour(random, height, width))


def same_rows(random, height, width):
    return np.repeat(noise(random, 1, width), height, axis=0)


def grey(random, height, width):
    return np.repeat(random.integers(0, random.choice([2, 4, 256]), (height, width, 1)), 3, axis=2)


def blocks(random, height, width):
    side = int(random.integers(2, 20))
    colours = noise(random, height // side + 1, width // side + 1)
    return np.kron(colours, np.ones((side, side, 1), int))[:height, :width]


CONTENTS = (noise, one_colour, two_colours, ramp, checkerboard, salt, same_rows, grey, blocks)


def check(seed):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 80, 2)
    if random.random() < 0.2:  # a strip
        height, width = random.permutation([random.integers(1, 4), random.integers(100, 400)])
    image = random.choice(CONTENTS)(random, int(height), int(width)) % 256
    image = np.ascontiguousarray(image, np.uint8)
    scale = float(random.choice([0.02, 0.2, 1, 2]))
    frame = random.choice([None, 1, 30, 100])
    proposer = SelectiveSearch(list(MODES)[seed % len(MODES)], scale, frame, int(random.choice([0, 20])), seed)
    proposals, again = proposer(image), proposer(image.copy())
    assert_is_proposals(proposals, image)
    assert len(np.unique(proposals.boxes, axis=0)) == len(proposals) > 0
    assert proposals.boxes.tobytes() == again.boxes.tobytes()
    assert proposals.scores.tobytes() == again.scores.tobytes()


@pytest.mark.parametrize("seed", range(100))
def test_odd_images_are_answered(seed):
    check(seed)


@pytest.mark.slow
def test_ten_thousand_odd_images_are_answered():
    for seed in range(100, 10_100):
        check(seed)
