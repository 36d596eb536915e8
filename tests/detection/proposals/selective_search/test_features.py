import cv2
import numpy as np
import pytest

from detection.proposals.selective_search.colour import COLOUR_SPACES, channels_of
from detection.proposals.selective_search.features import COLUMNS, _differentiate, histograms
from tests.detection.proposals import reference_selective_search as reference

COLOURS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0], [255, 255, 255], [60, 30, 10]]], np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(13, 11), (1, 1), (1, 9), (9, 1), (2, 3), (4, 70)])
def test_histograms_are_the_references(channels, shape):
    random = np.random.default_rng(channels)
    planes = random.integers(0, 256, (channels, *shape), dtype=np.uint8)
    labels = random.integers(0, 5, shape, dtype=np.int32)
    labels.flat[-1] = 4
    assert (histograms(planes, labels, 5) == reference.histograms(planes, labels)).all()


@pytest.mark.parametrize("width", [1, 2, 7, 8, 31, 32, 33, 40, 101])
@pytest.mark.parametrize("height", [1, 2, 3, 8, 20])
def test_the_gradient_is_the_references_to_the_last_bit(height, width):
    random = np.random.default_rng(height * width)
    for levels in (2, 256):
        channel = (random.integers(0, levels, (height, width)) * (255 // (levels - 1))).astype(np.uint8)
        gradient = np.empty((2, height, width), np.float32)
        _differentiate(channel, gradient)
        assert (gradient == np.stack(reference.gradient(channel))).all()


def test_the_gradient_is_that_of_a_gaussian():
    """Beside OpenCV, which rounds differently from machine to machine."""
    channel = np.random.default_rng(0).integers(0, 256, (30, 77), dtype=np.uint8)
    gaussian = cv2.getGaussianKernel(7, 1.0)
    derivative = np.arange(-3, 4)[:, None] * gaussian
    gradient = np.empty((2, *channel.shape), np.float32)
    largest = _differentiate(channel, gradient)
    x, y = (
        cv2.sepFilter2D(channel, cv2.CV_64F, *kernels) for kernels in ((derivative, gaussian), (gaussian, derivative))
    )
    assert np.abs(gradient - [x, y]).max() < 1e-4
    responses = (x, y, (x + y) * 0.5**0.5, (x - y) * 0.5**0.5)
    assert np.allclose(largest, [[response.max(), -response.min()] for response in responses])


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
