import numpy as np
import pytest

from detection.proposals.selective_search.colour import COLOUR_SPACES, channels_of
from detection.proposals.selective_search.features import COLUMNS, histograms
from tests.detection.proposals import reference_selective_search as reference

COLOURS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0], [255, 255, 255], [60, 30, 10]]], np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_histograms_are_the_references(channels):
    random = np.random.default_rng(channels)
    planes = random.integers(0, 256, (channels, 13, 11), dtype=np.uint8)
    labels = random.integers(0, 5, (13, 11), dtype=np.int32)
    assert (histograms(planes, labels, 5) == reference.histograms(planes, labels)).all()


def test_every_pixel_counts_once_in_each_colour_and_each_direction():
    planes = np.random.default_rng(0).integers(0, 256, (3, 8, 9), dtype=np.uint8)
    counts = histograms(planes, np.zeros((8, 9), np.int32), 1)[0]
    assert len(counts) == 3 * COLUMNS
    assert (counts[:75].reshape(3, 25).sum(axis=1) == 72).all()
    assert (counts[75:].reshape(24, 10).sum(axis=1) == 72).all()


def test_the_extremes_fall_into_the_outermost_bins():
    flat = np.repeat(np.array([0, 255], np.uint8), 20).reshape(1, 1, 40)
    counts = histograms(flat, np.zeros((1, 40), np.int32), 1)[0]
    assert counts[0] == counts[24] == 20  # black and white
    assert counts[25 + 9] > 0  # the steepest rise


def test_the_image_is_taken_as_rgb():
    hue, saturation, value = channels_of(COLOURS, "hsv")[:, 0]
    assert hue[:3].tolist() == [0, 60, 120]  # degrees halved: red, green, blue
    assert saturation.tolist()[3:5] == [0, 0]
    assert value.tolist()[3:5] == [0, 255]
    lightness, a, b = channels_of(COLOURS, "lab")[:, 0].astype(int)
    assert a[0] > 128 > a[1]  # red, not green
    assert b[2] < 128  # blue, not yellow
    assert lightness[3:5].tolist() == [0, 255]


def test_rgi_is_the_share_of_red_and_green_and_the_intensity():
    red, green, intensity = channels_of(COLOURS, "rgi")[:, 0].tolist()
    assert red == [255, 0, 0, 85, 85, 153]
    assert green == [0, 255, 0, 85, 85, 77]
    assert intensity == channels_of(COLOURS, "intensity")[0, 0].tolist()


@pytest.mark.parametrize("space", COLOUR_SPACES)
def test_planes_have_one_channel_each(space):
    image = np.zeros((4, 7, 3), np.uint8)
    planes = channels_of(image, space)
    assert planes.shape in {(1, 4, 7), (3, 4, 7)}
    assert planes.dtype == np.uint8
    assert planes.flags.c_contiguous
