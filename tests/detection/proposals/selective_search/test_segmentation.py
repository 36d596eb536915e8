import numpy as np
import pytest

from detection.proposals.selective_search.edges import LOW_BITS, bucketed_edges
from detection.proposals.selective_search.segmentation import segment
from tests.detection.proposals.reference_selective_search import superpixels

PLANES = {
    "noise": np.random.default_rng(0).uniform(0, 255, (3, 17, 23)).astype(np.float32),
    "few levels": np.random.default_rng(1).integers(0, 3, (3, 20, 14)).astype(np.float32),
    "ramp": np.add.outer(np.arange(16), np.arange(24))[None].astype(np.float32),
    "almost constant": np.random.default_rng(4).uniform(0, 1e-3, (3, 25, 31)).astype(np.float32),
    "two colours": np.where(np.random.default_rng(5).random((1, 60, 70)) < 0.5, 20, 200).astype(np.float32),
    "constant": np.full((2, 9, 30), 7, np.float32),
    "one row": np.random.default_rng(2).uniform(0, 9, (1, 1, 40)).astype(np.float32),
    "one column": np.random.default_rng(3).uniform(0, 9, (1, 40, 1)).astype(np.float32),
    "one pixel": np.zeros((3, 1, 1), np.float32),
}
SCALES = ((40, 5), (3, 1), (200, 9), (1000, 1))


@pytest.mark.parametrize("planes", PLANES.values(), ids=PLANES.keys())
def test_edges_are_all_there_and_in_their_buckets_by_number(planes):
    _, height, width = planes.shape
    keys, ends = bucketed_edges(planes)
    numbers, weights = keys.view(np.uint32)[::2].astype(int), keys.view(np.float32)[1::2]
    right = [y * width + x for y in range(height) for x in range(width - 1)]
    down = [height * width + pixel for pixel in range((height - 1) * width)]
    assert sorted(numbers.tolist()) == right + down
    pixel = numbers % (height * width)
    other = np.where(numbers < height * width, pixel + 1, pixel + width)
    flat = planes.reshape(len(planes), -1)
    assert np.allclose(weights, np.linalg.norm(flat[:, pixel] - flat[:, other], axis=0))
    buckets = weights.view(np.uint32) >> LOW_BITS
    assert (np.lexsort([numbers, buckets]) == np.arange(len(numbers))).all()
    assert (np.searchsorted(buckets, np.arange(len(ends)), side="right") == ends).all()


@pytest.mark.parametrize("planes", PLANES.values(), ids=PLANES.keys())
def test_several_scales_at_once_give_what_each_gives_alone(planes):
    together = segment(planes, SCALES)
    for scale, of_atom in zip(SCALES, together.of_atom, strict=True):
        assert (of_atom[together.atoms] == superpixels(planes, *scale)).all()


def test_atoms_are_as_few_as_the_scales_allow():
    together = segment(PLANES["noise"], SCALES)
    labels = {tuple(of_atom[atom] for of_atom in together.of_atom) for atom in range(together.atom_count)}
    assert len(labels) == together.atom_count == together.atoms.max() + 1


def test_no_superpixel_is_smaller_than_asked():
    together = segment(PLANES["few levels"], [(0.001, 12)])
    assert np.bincount(together.of_atom[0][together.atoms].ravel()).min() >= 12
