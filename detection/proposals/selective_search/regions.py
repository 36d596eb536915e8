"""What is known of the regions that a hierarchy begins with: size, box, histograms and which of them touch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.colour import Channels
from detection.proposals.selective_search.distinct import Codes, first_of_each
from detection.proposals.selective_search.features import Histograms, histograms
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.segmentation import Labels

Extents = NDArray[np.int32]  # (R, 4): first and last column and row of each region, x1 y1 x2 y2, both ends inside
Sizes = NDArray[np.int64]  # (R,) pixels
Pairs = NDArray[np.int32]  # (P, 2), the smaller number first, no pair twice


class Regions(NamedTuple):
    """The regions of one labelling."""

    sizes: Sizes
    extents: Extents
    histograms: Histograms
    neighbours: Pairs


def describe(channels: Channels, labels: Labels, count: int) -> Regions:
    """The ``count`` regions of a labelling (H, W); regions that touch at a corner are neighbours."""
    runs = len(labels) + int(np.count_nonzero(labels[:, 1:] != labels[:, :-1]))
    sizes, extents, codes = _sweep(labels, count, runs)
    return Regions(sizes, extents, histograms(channels, labels, count), _pairs(codes))


def merge(regions: Regions, groups: Labels, count: int) -> Regions:
    """The ``count`` regions that arise when region ``i`` becomes part of ``groups[i]``."""
    a, b = groups[regions.neighbours].T.astype(np.uint64)
    codes = (np.minimum(a, b) << np.uint64(32) | np.maximum(a, b))[a != b]
    return Regions(*_merge(regions, groups, count), _pairs(codes))


def _pairs(codes: Codes) -> Pairs:
    codes = codes[first_of_each(codes)]
    return np.stack([codes >> np.uint64(32), codes & np.uint64(2**32 - 1)], axis=1).astype(np.int32)


@kernel
def _sweep(labels: Labels, count: int, runs: int) -> tuple[Sizes, Extents, Codes]:
    """Pixels, extents and contacts, from the ``runs`` of equal labels along the rows; contacts occur many times.

    A contact is a code: the smaller label above the larger. Runs of two rows that touch are found by going along both
    at once; there are at most three times as many as runs, and as many again that touch within a row.
    """
    height, width = labels.shape
    sizes = np.zeros(count, np.int64)
    extents = np.empty((count, 4), np.int32)
    extents[:, :2] = max(height, width)
    extents[:, 2:] = -1
    codes = np.empty(4 * runs, np.uint64)
    contacts = 0
    starts = np.zeros((2, width + 1), np.int64)
    runs_above = 0
    for y in range(height):
        here, above = starts[y % 2], starts[1 - y % 2]
        runs_here = _find_runs(labels[y], here)
        j = 0
        for i in range(runs_here):
            start, end = here[i], here[i + 1]  # half-open
            label = labels[y, start]
            _measure(sizes, extents, label, (start, end, y))
            if i > 0:
                contacts = _note(codes, contacts, labels[y, start - 1], label)
            while j < runs_above and above[j + 1] < start:
                j += 1
            k = j
            while k < runs_above and above[k] <= end:
                contacts = _note(codes, contacts, labels[y - 1, above[k]], label)
                k += 1
        runs_above = runs_here
    return sizes, extents, codes[:contacts]


@kernel
def _find_runs(row: Labels, starts: NDArray[np.int64]) -> int:
    """The number of runs of a row; where each starts, and the last ends, is written down."""
    count = 0
    for x in range(row.size):
        if x == 0 or row[x] != row[x - 1]:
            starts[count] = x
            count += 1
    starts[count] = row.size
    return count


@kernel
def _measure(sizes: Sizes, extents: Extents, label: int, run: tuple[int, int, int]) -> None:
    start, end, y = run
    sizes[label] += end - start
    extents[label, 0] = min(extents[label, 0], start)
    extents[label, 1] = min(extents[label, 1], y)
    extents[label, 2] = max(extents[label, 2], end - 1)
    extents[label, 3] = y


@kernel
def _note(codes: Codes, contacts: int, a: int, b: int) -> int:
    """Add the contact of two labels, if they are two and not the last that was added; the new number is returned."""
    code = np.uint64(min(a, b)) << np.uint64(32) | np.uint64(max(a, b))
    if a == b or (contacts > 0 and codes[contacts - 1] == code):
        return contacts
    codes[contacts] = code
    return contacts + 1


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
