import numpy as np

from detection.proposals.selective_search.order import in_order, uniform
from tests.detection.proposals.reference_selective_search import split_mix

BOXES = np.array([[0, 0, 3, 3], [4, 0, 9, 3], [0, 0, 9, 3]], np.int32)


def test_the_numbers_are_those_of_split_mix():
    assert uniform(1, seed=0)[0] == (0xE220A8397B1DCDAF >> 11) / 2**53  # the published first output of seed 0
    for seed in (0, 1, 12345, -1):
        assert uniform(5, seed).tolist() == [split_mix(index, seed) for index in range(5)]


def test_seeds_give_other_numbers_between_0_and_1():
    numbers = np.stack([uniform(1000, seed) for seed in range(5)])
    assert len(np.unique(numbers)) == numbers.size
    assert 0 <= numbers.min() < 0.01
    assert 0.99 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02


def test_duplicates_keep_their_best_place():
    boxes, scores = in_order([BOXES, BOXES], seed=3)
    assert sorted(boxes.tolist()) == [[0, 0, 4, 4], [0, 0, 10, 4], [4, 0, 10, 4]]
    ranks = np.array([3, 2, 1, 3, 2, 1])
    priorities = (ranks * uniform(6, 3)).reshape(2, 3).min(axis=0)
    expected = np.argsort(priorities)
    assert (boxes - [0, 0, 1, 1] == BOXES[expected]).all()
    assert (scores == -np.sort(priorities).astype(np.float32)).all()


def test_the_widest_image_keeps_its_boxes_apart():
    wide = np.array([[0, 0, 65_534, 0], [65_534, 0, 65_534, 0], [0, 0, 0, 65_534], [0, 0, 65_534, 65_534]], np.int32)
    boxes, _ = in_order([wide], seed=0)
    assert sorted(boxes.tolist()) == sorted(np.add(wide, [0, 0, 1, 1]).tolist())
