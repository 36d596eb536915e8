"""The pixel graph of the segmentation: every pixel and its right and lower neighbour, and edges in ascending order.

Felzenszwalb and Huttenlocher (IJCV 2004), section 4, on the 4-connected grid, as OpenCV has it; the authors' own
program joins diagonal neighbours too.

An edge is one 64-bit key: the bits of its float32 weight above its number. Edge ``p`` joins pixel ``p`` to the right,
edge ``HW + p`` downwards. Weights are never negative, so their bits sort as they do, and equal weights stay in the
order of their numbers: the order is exact.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.smoothing import Line, Planes

Keys = NDArray[np.uint64]  # (E,)
Weights = NDArray[np.float32]
Counts = NDArray[np.int64]

DIGIT = 11  # bits of a weight that are sorted by at a time; 31 bits are in use, as no weight is negative


def weigh(planes: Planes) -> Planes:
    """Euclidean distance of each pixel to its right and its lower neighbour, with a frame: (2, H + 2, W).

    An edge that would leave the image, and all of the first and the last row, weigh infinity.
    """
    _, height, width = planes.shape
    weights = np.zeros((2, height + 2, width), np.float32)
    _weigh(planes, weights)
    return weights


def ascending(keys: Keys, other: Keys) -> Keys:
    """Keys by weight; equal weights have to come, and stay, in the order of their numbers. They end in ``other``."""
    _sort(keys, other, np.zeros((3, 1 << DIGIT), np.int64))
    return other


@kernel
def _weigh(planes: Planes, weights: Planes) -> None:
    channels, height, width = planes.shape
    weights[:, 0] = np.inf
    weights[:, height + 1] = np.inf
    weights[1, height] = np.inf
    for y in range(height):
        right, down = weights[0, y + 1], weights[1, y + 1]
        for c in range(channels):
            _add_squares(planes[c, y, 1:], planes[c, y, : width - 1], right)
            if y + 1 < height:
                _add_squares(planes[c, y + 1], planes[c, y], down)
        for x in range(width):
            right[x] = math.sqrt(right[x])
            down[x] = math.sqrt(down[x])
        right[width - 1] = np.inf


@kernel
def _add_squares(one: Line, other: Line, squares: Line) -> None:
    for x in range(one.size):
        step = one[x] - other[x]
        squares[x] += step * step


@kernel
def _sort(keys: Keys, other: Keys, counts: Counts) -> None:
    """Radix sort in three digits, from ``keys`` to ``other`` and back; the last time to ``other``."""
    mask = np.uint64(counts.shape[1] - 1)
    first, second, third = np.uint64(32), np.uint64(32 + DIGIT), np.uint64(32 + 2 * DIGIT)
    for key in keys:
        counts[0, key >> first & mask] += 1
        counts[1, key >> second & mask] += 1
        counts[2, key >> third & mask] += 1
    _put(keys, other, counts[0], first)
    _put(other, keys, counts[1], second)
    _put(keys, other, counts[2], third)


@kernel
def _put(keys: Keys, sorted_keys: Keys, counts: Counts, shift: np.uint64) -> None:
    """Keys by one digit, of which ``counts`` says how often each occurs."""
    total = 0
    for digit in range(counts.size):
        total += counts[digit]
        counts[digit] = total - counts[digit]
    for key in keys:
        digit = key >> shift & np.uint64(counts.size - 1)
        sorted_keys[counts[digit]] = key
        counts[digit] += 1
