import numpy as np
import pytest

from detection.proposals.selective_search.grouping import group
from detection.proposals.selective_search.regions import Regions, describe, merge
from tests.detection.proposals.reference_selective_search import hierarchy, histograms

STRATEGIES = ("CTSF", "TSF", "F", "S", "C", "CT")


def spotted(random, height, width, spots):
    """Labels of a background with single-pixel spots: one region that touches all others."""
    labels = np.zeros(height * width, np.int32)
    labels[random.choice(np.arange(1, height * width), spots, replace=False)] = np.arange(1, spots + 1)
    return labels.reshape(height, width)


def regions_of(labels, channels):
    return describe(channels, labels, int(labels.max()) + 1)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("spots", [0, 1, 40])
def test_a_hierarchy_is_the_references(strategy, spots):
    random = np.random.default_rng(spots)
    labels = spotted(random, 9, 12, spots)
    channels = random.integers(0, 256, (3, 9, 12), dtype=np.uint8)
    found = group(regions_of(labels, channels), strategy, labels.size)
    assert [tuple(box) for box in found.tolist()] == hierarchy(labels, histograms(channels, labels), 3, strategy)


def test_equal_similarities_are_decided_by_age():
    labels = np.arange(16, dtype=np.int32).reshape(4, 4)
    channels = np.zeros((1, 4, 4), np.uint8)
    found = group(regions_of(labels, channels), "CTS", 16)
    assert [tuple(box) for box in found.tolist()] == hierarchy(labels, histograms(channels, labels), 1, "CTS")


def test_every_region_is_there_and_the_last_is_the_image():
    labels = spotted(np.random.default_rng(0), 20, 30, 200)
    channels = np.random.default_rng(1).integers(0, 256, (3, 20, 30), dtype=np.uint8)
    regions = regions_of(labels, channels)
    found = group(regions, "CTSF", 600)
    assert len(found) == 2 * 201 - 1
    assert (found[:201] == regions.extents).all()
    assert found[-1].tolist() == [0, 0, 29, 19]


def test_grouping_leaves_its_regions_as_they_were():
    labels = spotted(np.random.default_rng(0), 8, 8, 9)
    regions = regions_of(labels, np.random.default_rng(1).integers(0, 256, (3, 8, 8), dtype=np.uint8))
    before = [part.copy() for part in regions]
    group(regions, "CTSF", 64)
    assert all((part == old).all() for part, old in zip(regions, before, strict=True))


def test_merged_regions_are_those_of_the_coarser_labels():
    random = np.random.default_rng(0)
    labels = spotted(random, 12, 10, 30)
    channels = random.integers(0, 256, (3, 12, 10), dtype=np.uint8)
    groups = np.concatenate([np.arange(7), random.integers(0, 7, 24)]).astype(np.int32)
    merged = merge(regions_of(labels, channels), groups, 7)
    direct: Regions = regions_of(groups[labels], channels)
    assert all((one == other).all() for one, other in zip(merged, direct, strict=True))


def test_regions_that_touch_at_a_corner_are_neighbours():
    labels = np.array([[0, 1], [2, 3]], np.int32)
    neighbours = regions_of(labels, np.zeros((1, 2, 2), np.uint8)).neighbours
    assert sorted(neighbours.tolist()) == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
