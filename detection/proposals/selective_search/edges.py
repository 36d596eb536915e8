"""The pixel graph of the segmentation: every pixel and its right and lower neighbour, edges in ascending order.

Felzenszwalb and Huttenlocher (IJCV 2004), section 4, on the 4-connected grid, as OpenCV has it; the authors' own
program joins diagonal neighbours too.

An edge is one 64-bit key: the bits of its float32 weight above its number. Edge ``p`` joins pixel ``p`` to the right,
edge ``HW + p`` downwards. Weights are never negative, so their bits sort as they do, and equal weights stay in the
order of their numbers: the order is exact.

Here edges are only put into buckets, of weights that have their upper bits in common; the keys of a bucket are sorted
by whoever goes through it, as many are then no longer needed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.smoothing import Line, Planes

Keys = NDArray[np.uint64]  # (E,)

LOW_BITS = 20  # of a weight: those that may differ inside a bucket
BUCKETS = 0x7F800000 >> LOW_BITS  # infinity's is beyond the last


def bucketed_edges(planes: Planes) -> tuple[Keys, NDArray[np.int64]]:
    """Keys of the ``2HW - H - W`` edges of the grid, in buckets, by number in each, and where each bucket ends."""
    weights = np.empty((2, *planes.shape[1:]), np.float32)
    _weigh(planes, weights)
    keys = np.empty(weights.size, np.uint64)  # by NumPy, not in the kernel: it asks for huge pages
    ends = _in_buckets(weights.view(np.uint32).reshape(-1), keys)
    return keys[: ends[-1]], ends


@kernel
def _weigh(planes: Planes, weights: Planes) -> None:
    """Euclidean distance of neighbours; an edge that would leave the image weighs infinity."""
    channels, height, width = planes.shape
    weights[:] = 0
    weights[1, height - 1] = np.inf
    for y in range(height):
        right, down = weights[0, y], weights[1, y]
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
def _in_buckets(bits: NDArray[np.uint32], keys: Keys) -> NDArray[np.int64]:
    """Fill in the keys, and return where each bucket ends; those of infinite weight come last, in no bucket."""
    ends = np.zeros(BUCKETS + 1, np.int64)
    for b in bits:
        ends[b >> np.uint32(LOW_BITS)] += 1
    total = 0
    for bucket in range(ends.size):
        total += ends[bucket]
        ends[bucket] = total - ends[bucket]
    for edge in range(bits.size):
        bucket = bits[edge] >> np.uint32(LOW_BITS)
        keys[ends[bucket]] = (np.uint64(bits[edge]) << np.uint64(32)) | np.uint64(edge)
        ends[bucket] += 1  # from the first place of the bucket to the end
    return ends[:BUCKETS]
