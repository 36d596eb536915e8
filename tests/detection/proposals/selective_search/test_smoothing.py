"""The Gaussian beside one whose roundings are computed in float64, and beside OpenCV's where that has the same ones."""

import sys

import cv2
import numba
import numpy as np
import pytest

from detection.proposals.selective_search.arithmetic import fma
from detection.proposals.selective_search.smoothing import smooth

SIGMA = 0.8
SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 4), (2, 13), (4, 8), (5, 17), (7, 31), (11, 500), (40, 23)]
AVX2, FMA3 = 11, 12  # as cv2.checkHardwareSupport numbers them
OPENCV_FUSES = (
    sys.platform == "linux"
    and int(cv2.__version__.split(".")[0]) == 5
    and cv2.checkHardwareSupport(AVX2)
    and cv2.checkHardwareSupport(FMA3)
)


def noise(seed, shape):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def fused(a, b, c):
    """``a * b + c`` rounded once: an inexact float64 sum is made odd, so that rounding it again does no harm."""
    product, c = a.astype(float) * float(b), c.astype(float)  # 24 + 24 bits: the product is exact
    total = product + c
    rest = total - product
    error = (product - (total - rest)) + (c - rest)
    even = (total.view(np.int64) & 1) == 0
    return np.where((error != 0) & even, np.nextafter(total, np.copysign(np.inf, error)), total).astype(np.float32)


def separate(a, b, c):
    return a * b + c


def weighted_sum(terms, taps, steps):
    total = terms[0] * taps[0]
    for term, tap, step in zip(terms[1:], taps[1:], steps, strict=True):
        total = step(term, tap, total)
    return total


def reference(channel):
    """Rows, then columns, of one channel; what is left over of whole vectors is rounded as OpenCV's remainders are."""
    height, width = channel.shape
    taps = cv2.getGaussianKernel(7, SIGMA, cv2.CV_32F).ravel()
    plane = cv2.copyMakeBorder(channel, 3, 3, 3, 3, cv2.BORDER_REFLECT_101).astype(np.float32)
    if width > 1:
        columns = [plane[:, i : i + width] for i in range(7)]
        plane = weighted_sum(columns, taps, [fused] * 6)
        rest = weighted_sum(columns, taps, [separate] * 4 + [fused] * 2)
        plane[:, width // 4 * 4 :] = rest[:, width // 4 * 4 :]
    else:
        plane = plane[:, 3:4]
    if height == 1:
        return plane[3:4]
    rows = [plane[3 : 3 + height]] + [plane[3 - i :][:height] + plane[3 + i :][:height] for i in (1, 2, 3)]
    smoothed = weighted_sum(rows, taps[3:], [fused] * 3)
    smoothed[:, width // 8 * 8 :] = weighted_sum(rows, taps[3:], [separate] * 3)[:, width // 8 * 8 :]
    return smoothed


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_rounding_is_the_one_that_is_written(shape):
    for seed, channels in enumerate((1, 2, 3)):
        planes = noise(seed, (channels, *shape))
        assert smooth(planes, SIGMA).tobytes() == np.stack([reference(plane) for plane in planes]).tobytes()


@pytest.mark.skipif(not OPENCV_FUSES, reason="this OpenCV's filters round otherwise: not version 5 on Linux with AVX2")
def test_the_planes_are_opencvs():
    random = np.random.default_rng(0)
    for height, width in [*SHAPES, *random.integers(1, 200, (150, 2)).tolist(), (333, 500)]:
        channel = noise(height, (height, width))
        theirs = cv2.GaussianBlur(channel.astype(np.float32), (0, 0), SIGMA, sigmaY=SIGMA)
        assert smooth(channel[None], SIGMA)[0].tobytes() == theirs.tobytes(), (height, width)


def test_the_taps_are_the_same_everywhere():
    expected = [float.fromhex(tap) for tap in ("0x1.fea50ap-2", "0x1.d39492p-3", "0x1.66fa84p-6", "0x1.ce2726p-12")]
    taps = cv2.getGaussianKernel(7, SIGMA, cv2.CV_32F).ravel().tolist()
    assert taps == expected[:0:-1] + expected


@numba.njit
def fma_in_a_kernel(a, b, c):
    return fma(a, b, c)


def test_a_fused_product_is_rounded_once():
    almost_one = np.float32(1 + 2**-12)
    rounded_square = np.float32(1 + 2**-11)  # the exact square has 2**-24 more
    assert fma_in_a_kernel(almost_one, almost_one, -rounded_square) == 2**-24
