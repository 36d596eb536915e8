import numpy as np
import pytest

from detection.proposals.selective_search import joining
from detection.proposals.selective_search.edges import ascending, weigh
from detection.proposals.selective_search.segmentation import segment
from detection.proposals.selective_search.sifting import Tile, sift
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


def edges(height, width):
    """The ends of every edge of the grid, by its number."""
    pixels = height * width
    right = {y * width + x: (y * width + x, y * width + x + 1) for y in range(height) for x in range(width - 1)}
    return right | {pixels + pixel: (pixel, pixel + width) for pixel in range(pixels - width)}


@pytest.mark.parametrize("planes", PLANES.values(), ids=PLANES.keys())
def test_weights_are_distances_and_infinite_where_there_is_no_neighbour(planes):
    _, height, width = planes.shape
    weights = weigh(planes)
    assert np.isinf(weights[:, [0, -1]]).all()
    weights = weights[:, 1:-1].ravel()
    flat = planes.reshape(len(planes), -1)
    for number, (p, q) in edges(height, width).items():
        assert np.isclose(weights[number], np.linalg.norm(flat[:, p] - flat[:, q]))
    assert np.flatnonzero(np.isfinite(weights)).tolist() == list(edges(height, width))


@pytest.mark.parametrize("size", [0, 1, 2, 5000])
@pytest.mark.parametrize("levels", [1, 3, 2**31])
def test_keys_are_sorted_by_weight_and_equal_ones_stay_in_order(size, levels):
    bits = np.random.default_rng(size).integers(0, levels, size, dtype=np.uint64)
    keys = bits << np.uint64(32) | np.arange(size, dtype=np.uint64)
    assert (ascending(keys.copy(), np.empty_like(keys)) == np.sort(keys)).all()


@pytest.mark.parametrize("k", [0.5, 3, 1000])
@pytest.mark.parametrize("planes", PLANES.values(), ids=PLANES.keys())
def test_sifted_edges_are_those_that_their_surroundings_do_not_decide(planes, k):
    _, height, width = planes.shape
    ends = edges(height, width)
    weights = weigh(planes)[:, 1:-1].ravel()
    order = {number: place for place, number in enumerate(sorted(ends, key=lambda number: (weights[number], number)))}
    at = {pixel: [number for number, pair in ends.items() if pixel in pair] for pixel in range(height * width)}
    joined = {
        number
        for number, pair in ends.items()
        if weights[number] <= k and all(order[number] <= order[other] for pixel in pair for other in at[pixel])
    }
    pixels = height * width
    right = {number for number in ends if number < pixels}
    squares = [(p, p + width, pixels + p, pixels + p + 1) for p in right if p + width in right]
    heaviest = {max(square, key=order.__getitem__) for square in squares}
    forest, heaviest_inside = np.full(pixels, -1, np.int32), np.zeros(pixels, np.float32)
    memory = np.empty((2, 2 * pixels), np.uint64)
    keys = sift(weigh(planes), k, Tile(0, height, 0, width), memory, forest, heaviest_inside)
    left = sorted(set(ends) - joined - heaviest, key=order.__getitem__)
    assert (keys & np.uint64(2**32 - 1)).tolist() == left
    assert (keys >> np.uint64(32)).tolist() == weights.view(np.uint32)[left].tolist()
    expected = np.full(pixels, -1)
    for number in joined:
        p, q = ends[number]
        expected[p], expected[q] = -2, p
        assert heaviest_inside[p] == weights[number]
    assert forest.tolist() == expected.tolist()


@pytest.mark.parametrize("planes", PLANES.values(), ids=PLANES.keys())
def test_several_scales_at_once_give_what_each_gives_alone(planes):
    together = segment(planes, SCALES)
    for scale, of_atom in zip(SCALES, together.of_atom, strict=True):
        assert (of_atom[together.atoms] == superpixels(planes, *scale)).all()


@pytest.mark.parametrize("side", [1, 2, 5, 16])
@pytest.mark.parametrize("planes", PLANES.values(), ids=PLANES.keys())
def test_tiles_change_nothing(planes, side, monkeypatch):
    whole = segment(planes, SCALES)
    monkeypatch.setattr(joining, "SIDE", side)
    tiled = segment(planes, SCALES)
    assert (tiled.atoms == whole.atoms).all()
    assert all((one == other).all() for one, other in zip(tiled.of_atom, whole.of_atom, strict=True))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (512, 513), (30, 2000)])
def test_tiles_cover_an_image_once(height, width):
    covered = np.zeros((height, width), int)
    for top, bottom, left, right in joining._tiles(height, width):
        assert max(bottom - top, right - left) <= joining.SIDE
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()


def test_atoms_are_as_few_as_the_scales_allow():
    together = segment(PLANES["noise"], SCALES)
    labels = {tuple(of_atom[atom] for of_atom in together.of_atom) for atom in range(together.atom_count)}
    assert len(labels) == together.atom_count == together.atoms.max() + 1


def test_no_superpixel_is_smaller_than_asked():
    together = segment(PLANES["few levels"], [(0.001, 12)])
    assert np.bincount(together.of_atom[0][together.atoms].ravel()).min() >= 12
