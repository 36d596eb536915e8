"""The hierarchy: the two most similar neighbours merge, again and again, until the image is one region.

Uijlings et al. (IJCV 2013), algorithm 1 and section 3.2. Pixels are counted exactly, and histograms are compared in
24-bit fixed point, so no similarity depends on the order of a sum; among equal ones the regions made first go first.
"""

from __future__ import annotations

import numpy as np

from detection.proposals.selective_search.features import COLOUR_BINS, COLUMNS
from detection.proposals.selective_search.merging import merge_all
from detection.proposals.selective_search.nodes import Contacts, Fates, Floats, Measure, Nodes, Numbers, Queue
from detection.proposals.selective_search.regions import Extents, Regions


def group(regions: Regions, strategy: str, pixels: int) -> Extents:
    """Extents of every node of the hierarchy in the order of its making: the regions, then the mergers, the image last.

    ``strategy`` holds the letters of the similarities to add up (see ``modes``).
    """
    count, columns = regions.histograms.shape
    channels = columns // COLUMNS
    colours = channels * COLOUR_BINS
    first = 0 if "C" in strategy else colours
    last = columns if "T" in strategy else colours
    nodes = Nodes(
        np.concatenate([regions.sizes, regions.sizes]),
        np.concatenate([regions.extents, regions.extents]),
        np.arange(2 * count),
        regions.histograms[:, first:last].copy(),
        np.empty((count, last - first), np.int32),
    )
    fates = Fates(*_columns(2 * count))
    contacts = Contacts(*_columns(2 * len(regions.neighbours)), *np.empty((2, 2 * count), np.int32))
    queue = Queue(np.empty(count, np.int32), np.empty(count), np.empty(2 * count, np.int32))
    measure = Measure(channels, colours - first, "S" in strategy, "F" in strategy, pixels)
    return nodes.extents[: merge_all(nodes, fates, contacts, queue, regions.neighbours, measure)]


def _columns(rows: int) -> tuple[Numbers, Numbers, Floats]:
    """Two columns of numbers and one of floats, whose rows are 16 bytes of one array."""
    floats = np.empty((rows, 2))
    numbers = floats.view(np.int32)
    return numbers[:, 0], numbers[:, 1], floats[:, 1]
