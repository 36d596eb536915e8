"""The hierarchy: the two most similar neighbours merge, again and again, until the image is one region.

Uijlings et al. (IJCV 2013), algorithm 1 and section 3.2. Pixels are counted exactly, and histograms are compared in
24-bit fixed point, so no similarity depends on the order of a sum; among equal ones the regions made first go first.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.features import COLOUR_BINS, COLUMNS, DIRECTIONS, Histograms
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.regions import Extents, Pairs, Regions, Sizes

ONE = 1 << 24  # 1.0 in fixed point
NONE = -1
Entry = tuple[float, int, int]  # minus the similarity of two nodes, the older, the newer


class Measure(NamedTuple):
    """What the similarity of two regions is the sum of."""

    channels: int
    colours: int  # the leading columns of the histograms that count colours; the others count gradients
    size: bool
    fill: bool
    pixels: int  # of the image


class Nodes(NamedTuple):
    """The regions of a hierarchy: those it begins with, then each merger as it is made; 2R rows, the last unused.

    A merger takes over the row of its first part in ``counts`` and ``profiles``, which have R rows.
    """

    sizes: Sizes
    extents: Extents
    rows: NDArray[np.int64]
    merged_into: NDArray[np.int64]  # itself, as long as it is not part of another
    counts: Histograms
    profiles: Histograms  # the share of each bin, in fixed point


class Contacts(NamedTuple):
    """Who touches whom: a linked list of contacts for each node; a merger's is those of its parts, joined."""

    node: NDArray[np.int64]  # the other end of each contact, or by now a part of it
    following: NDArray[np.int64]  # the next contact of the same node
    first: NDArray[np.int64]  # of each node
    last: NDArray[np.int64]


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
        np.arange(2 * count),
        regions.histograms[:, first:last].copy(),
        np.empty((count, last - first), np.int32),
    )
    measure = Measure(channels, colours - first, "S" in strategy, "F" in strategy, pixels)
    return nodes.extents[: _merge_all(nodes, regions.neighbours, measure)]


@kernel
def _merge_all(nodes: Nodes, pairs: Pairs, measure: Measure) -> int:
    """Merge until nothing touches; the number of nodes is returned.

    The queue holds pairs by falling similarity, among them pairs of which a part has been merged since. These are
    passed over, and thrown out all at once when they may outnumber the others.
    """
    regions = nodes.counts.shape[0]
    for region in range(regions):
        _update_profile(nodes, region, measure)
    queue: list[Entry] = [(0.0, 0, 0)]
    queue.clear()  # an empty list whose type Numba knows
    for a, b in pairs:
        queue.append((-_similarity(nodes, a, b, measure), a, b))
    heapq.heapify(queue)
    contacts = _link(pairs, regions)
    seen_by = np.full(2 * regions, NONE)
    new: int = regions
    while queue:
        if len(queue) > 2 * len(pairs):
            queue = _still_apart(queue, nodes.merged_into)
        _, a, b = heapq.heappop(queue)
        if nodes.merged_into[a] != a or nodes.merged_into[b] != b:
            continue
        _merge(nodes, a, b, new)
        _update_profile(nodes, new, measure)
        contacts.following[contacts.last[a]] = contacts.first[b]
        contact, kept = contacts.first[a], NONE
        while contact != NONE:
            near = _current(nodes.merged_into, contacts.node[contact])
            if near != new and seen_by[near] != new:
                seen_by[near] = new
                heapq.heappush(queue, (-_similarity(nodes, near, new, measure), near, new))
                kept = _append(contacts, new, contact)
            contact = contacts.following[contact]
        if kept != NONE:
            contacts.following[kept] = NONE
        new += 1
    return new


@kernel
def _still_apart(queue: list[Entry], merged_into: NDArray[np.int64]) -> list[Entry]:
    """The entries of a queue whose two nodes are not part of others; there is one for each pair that touches."""
    apart = [queue[0]]
    apart.clear()
    for entry in queue:
        _, a, b = entry
        if merged_into[a] == a and merged_into[b] == b:
            apart.append(entry)
    heapq.heapify(apart)
    return apart


@kernel
def _link(pairs: Pairs, regions: int) -> Contacts:
    """Contacts ``2i`` and ``2i + 1`` are pair ``i`` seen from its two ends."""
    node = pairs.copy().reshape(-1)
    nodes = 2 * regions
    contacts = Contacts(node, np.full(node.size, NONE), np.full(nodes, NONE), np.full(nodes, NONE))
    for contact in range(node.size):
        _append(contacts, node[contact ^ 1], contact)
    return contacts


@kernel
def _append(contacts: Contacts, node: int, contact: int) -> int:
    """Put a contact at the end of a node's list."""
    if contacts.first[node] == NONE:
        contacts.first[node] = contact
    else:
        contacts.following[contacts.last[node]] = contact
    contacts.last[node] = contact
    return contact


@kernel
def _current(merged_into: NDArray[np.int64], node: int) -> int:
    """The node that another is part of by now; the way there is halved for the next time."""
    while merged_into[node] != node:
        merged_into[node] = merged_into[merged_into[node]]
        node = merged_into[node]
    return node


@kernel
def _merge(nodes: Nodes, a: int, b: int, new: int) -> None:
    nodes.merged_into[a] = new
    nodes.merged_into[b] = new
    nodes.rows[new] = nodes.rows[a]
    nodes.sizes[new] = nodes.sizes[a] + nodes.sizes[b]
    for side in range(2):
        nodes.extents[new, side] = min(nodes.extents[a, side], nodes.extents[b, side])
        nodes.extents[new, side + 2] = max(nodes.extents[a, side + 2], nodes.extents[b, side + 2])
    nodes.counts[nodes.rows[a]] += nodes.counts[nodes.rows[b]]


@kernel
def _update_profile(nodes: Nodes, node: int, measure: Measure) -> None:
    """Counts to shares: those of the colours add up to 1, and so do those of the gradients."""
    counts = nodes.counts[nodes.rows[node]]
    profile = nodes.profiles[nodes.rows[node]]
    size = float(nodes.sizes[node])
    colour = ONE / (measure.channels * size)
    texture = ONE / (DIRECTIONS * measure.channels * size)
    for i in range(counts.size):
        profile[i] = np.int32(counts[i] * (colour if i < measure.colours else texture))


@kernel
def _similarity(nodes: Nodes, a: int, b: int, measure: Measure) -> float:
    profile = nodes.profiles[nodes.rows[a]]
    other = nodes.profiles[nodes.rows[b]]
    shared = 0
    for i in range(profile.size):
        shared += min(profile[i], other[i])
    similarity = shared / ONE
    size = nodes.sizes[a] + nodes.sizes[b]
    per_pixel = 1.0 / measure.pixels
    if measure.size:
        similarity += 1.0 - size * per_pixel
    if measure.fill:
        box, second = nodes.extents[a], nodes.extents[b]
        width = np.int64(max(box[2], second[2])) - min(box[0], second[0]) + 1
        height = np.int64(max(box[3], second[3])) - min(box[1], second[1]) + 1
        similarity += 1.0 - (width * height - size) * per_pixel
    return similarity
