"""The pixel graph of the segmentation: every pixel and its right and lower neighbour, edges in ascending order.

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

from detection.proposals.selective_search.colour import Planes
from detection.proposals.selective_search.kernel import kernel

Keys = NDArray[np.uint64]  # (E,)


def sorted_edges(planes: Planes) -> Keys:
    """Keys of the ``2HW - H - W`` edges of the grid, the lightest first."""
    _, height, width = planes.shape
    weights = np.empty((2, height, width), np.float32)
    _weigh(planes, weights)
    keys = _sort(weights.view(np.uint32).reshape(-1))
    return keys[: 2 * height * width - height - width]


def numbers_and_weights(keys: Keys) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """The two halves of keys, as views: what is done to the keys is seen in them."""
    return keys.view(np.uint32)[::2], keys.view(np.float32)[1::2]  # little-endian, as is every machine Numba knows


@kernel
def _weigh(planes: Planes, weights: Planes) -> None:
    """Euclidean distance of neighbours; an edge that would leave the image weighs infinity and so sorts last."""
    channels, height, width = planes.shape
    weights[0, :, width - 1] = np.inf
    weights[1, height - 1, :] = np.inf
    for y in range(height):
        for x in range(width - 1):
            square = np.float32(0)
            for c in range(channels):
                step = planes[c, y, x + 1] - planes[c, y, x]
                square += step * step
            weights[0, y, x] = math.sqrt(square)
    for y in range(height - 1):
        for x in range(width):
            square = np.float32(0)
            for c in range(channels):
                step = planes[c, y + 1, x] - planes[c, y, x]
                square += step * step
            weights[1, y, x] = math.sqrt(square)


@kernel
def _sort(bits: NDArray[np.uint32]) -> Keys:
    """Radix sort by digits of 11, 10 and 10 bits, the last digit first; the sign is always 0."""
    starts = np.zeros((3, 2048), np.uint32)
    for b in bits:
        starts[0, b & np.uint32(2047)] += np.uint32(1)
        starts[1, (b >> np.uint32(11)) & np.uint32(1023)] += np.uint32(1)
        starts[2, b >> np.uint32(21)] += np.uint32(1)
    for counts in starts:
        total = np.uint32(0)
        for i in range(counts.size):
            total += counts[i]
            counts[i] = total - counts[i]
    keys = np.empty(bits.size, np.uint64)
    other = np.empty(bits.size, np.uint64)
    for edge in range(bits.size):
        digit = bits[edge] & np.uint32(2047)
        keys[starts[0, digit]] = (np.uint64(bits[edge]) << np.uint64(32)) | np.uint64(edge)
        starts[0, digit] += np.uint32(1)
    _scatter(keys, other, starts[1], np.uint64(32 + 11))
    _scatter(other, keys, starts[2], np.uint64(32 + 21))
    return keys


@kernel
def _scatter(source: Keys, target: Keys, starts: NDArray[np.uint32], shift: np.uint64) -> None:
    """One pass: keys with the same digit of 10 bits stay in the order they had."""
    for key in source:
        digit = (key >> shift) & np.uint64(1023)
        target[starts[digit]] = key
        starts[digit] += np.uint32(1)
