"""What is known of the regions that a hierarchy begins with: size, box, histograms and which of them touch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.colour import Channels
from detection.proposals.selective_search.features import Histograms, histograms
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.segmentation import Labels

Extents = NDArray[np.int32]  # (R, 4): first and last column and row of each region, x1 y1 x2 y2, both ends inside
Sizes = NDArray[np.int64]  # (R,) pixels
Pairs = NDArray[np.int64]  # (P, 2), the smaller number first, sorted, no pair twice


class Regions(NamedTuple):
    """The regions of one labelling."""

    sizes: Sizes
    extents: Extents
    histograms: Histograms
    neighbours: Pairs


def describe(channels: Channels, labels: Labels, count: int) -> Regions:
    """The ``count`` regions of a labelling (H, W); regions that touch at a corner are neighbours."""
    sizes, extents = _measure(labels, count)
    return Regions(sizes, extents, histograms(channels, labels, count), _distinct(_contacts(labels, count), count))


def merge(regions: Regions, groups: Labels, count: int) -> Regions:
    """The ``count`` regions that arise when region ``i`` becomes part of ``groups[i]``."""
    a, b = groups[regions.neighbours].T.astype(np.int64)
    codes = (np.minimum(a, b) * count + np.maximum(a, b))[a != b]
    return Regions(*_merge(regions, groups, count), _distinct(codes, count))


def _distinct(codes: NDArray[np.int64], count: int) -> Pairs:
    codes = np.sort(codes)
    codes = codes[np.diff(codes, prepend=-1) > 0]
    return np.stack(np.divmod(codes, count), axis=1)


@kernel
def _measure(labels: Labels, count: int) -> tuple[Sizes, Extents]:
    """Pixels and extents, by runs of equal labels along the rows."""
    height, width = labels.shape
    sizes = np.zeros(count, np.int64)
    extents = np.empty((count, 4), np.int32)
    extents[:, :2] = max(height, width)
    extents[:, 2:] = -1
    for y in range(height):
        start = 0
        for x in range(1, width + 1):
            label = labels[y, start]
            if x < width and labels[y, x] == label:
                continue
            sizes[label] += x - start
            extents[label, 0] = min(extents[label, 0], start)
            extents[label, 1] = min(extents[label, 1], y)
            extents[label, 2] = max(extents[label, 2], x - 1)
            extents[label, 3] = y
            start = x
    return sizes, extents


@kernel
def _contacts(labels: Labels, count: int) -> NDArray[np.int64]:
    """A code, smaller label times ``count`` plus larger, for each contact; some pairs occur many times."""
    height, width = labels.shape
    codes = np.empty(4 * labels.size + 1, np.int64)
    codes[0] = -1
    last = 0
    for y in range(height):
        for x in range(width):
            a = np.int64(labels[y, x])
            for dy, dx in ((0, -1), (-1, -1), (-1, 0), (-1, 1)):
                if y + dy < 0 or x + dx < 0 or x + dx == width:
                    continue
                b = np.int64(labels[y + dy, x + dx])
                code = min(a, b) * count + max(a, b)
                if a != b and code != codes[last]:
                    last += 1
                    codes[last] = code
    return codes[1 : last + 1]


@kernel
def _merge(regions: Regions, groups: Labels, count: int) -> tuple[Sizes, Extents, Histograms]:
    sizes = np.zeros(count, np.int64)
    extents = np.empty((count, 4), np.int32)
    counts = np.zeros((count, regions.histograms.shape[1]), np.int32)
    for i in range(groups.size):
        g = groups[i]
        if sizes[g] == 0:
            extents[g] = regions.extents[i]
        for side in range(2):
            extents[g, side] = min(extents[g, side], regions.extents[i, side])
            extents[g, side + 2] = max(extents[g, side + 2], regions.extents[i, side + 2])
        sizes[g] += regions.sizes[i]
        for c in range(counts.shape[1]):
            counts[g, c] += regions.histograms[i, c]
    return sizes, extents, counts
