"""The hierarchy: the two most similar neighbours merge, again and again, until the image is one region.

Uijlings et al. (IJCV 2013), algorithm 1 and section 3.2. Pixels are counted exactly, and histograms are compared in
24-bit fixed point, so no similarity depends on the order of a sum; among equal ones the regions made first go first.

A pair belongs to the newer of its two nodes, and the queue holds the best pair of each node alone: most pairs are never
looked at again, as a part of theirs merges with another before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.features import COLOUR_BINS, COLUMNS, DIRECTIONS, Histograms
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.regions import Extents, Pairs, Regions, Sizes

ONE = 1 << 24  # 1.0 in fixed point
NONE = -1


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
    """Who touched whom when a node was made: a linked list for each; a merger's is those of its parts, joined."""

    node: NDArray[np.int64]  # the other end of each contact
    similarity: NDArray[np.float64]  # to it, where it is the older
    following: NDArray[np.int64]  # the next contact of the same node
    first: NDArray[np.int64]  # of each node
    last: NDArray[np.int64]


class Queue(NamedTuple):
    """A binary heap of nodes, each with its most similar older neighbour; rows of the last two are those of nodes."""

    newer: NDArray[np.int64]
    similarity: NDArray[np.float64]
    older: NDArray[np.int64]


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
    """Merge until nothing touches; the number of nodes is returned."""
    regions = nodes.counts.shape[0]
    for region in range(regions):
        _update_profile(nodes, region, measure)
    contacts = _link(nodes, pairs, measure)
    queue = Queue(np.empty(2 * regions, np.int64), np.empty(2 * regions), np.empty(2 * regions, np.int64))
    waiting = 0
    for region in range(regions):
        waiting = _enter(queue, waiting, region, _best(nodes, contacts, region))
    seen_by = np.full(2 * regions, NONE)
    new: int = regions
    while waiting:
        b = queue.newer[0]
        a = queue.older[b]
        waiting = _leave(queue, waiting)
        if nodes.merged_into[b] != b:
            continue
        if nodes.merged_into[a] != a:
            waiting = _enter(queue, waiting, b, _best(nodes, contacts, b))
            continue
        _merge(nodes, a, b, new)
        _update_profile(nodes, new, measure)
        _meet(nodes, contacts, (a, b, new), seen_by, measure)
        waiting = _enter(queue, waiting, new, _best(nodes, contacts, new))
        new += 1
    return new


@kernel
def _meet(
    nodes: Nodes, contacts: Contacts, merger: tuple[int, int, int], seen_by: NDArray[np.int64], measure: Measure
) -> None:
    """Make the contacts of a merger, from those of its two parts: the nodes that these are by now, each once."""
    a, b, new = merger
    node, similarity, following, first, last = contacts
    sizes, extents, rows, profiles, merged_into = (
        nodes.sizes,
        nodes.extents,
        nodes.rows,
        nodes.profiles,
        nodes.merged_into,
    )
    following[last[a]] = first[b]
    contact, kept = first[a], NONE
    while contact != NONE:
        near = _current(merged_into, node[contact])
        if near != new and seen_by[near] != new:
            seen_by[near] = new
            node[contact] = near
            similarity[contact] = _similarity(sizes, extents, rows, profiles, near, new, measure)
            kept = _append(following, first, last, new, contact)
        contact = following[contact]
    if kept != NONE:
        following[kept] = NONE


@kernel
def _best(nodes: Nodes, contacts: Contacts, newer: int) -> tuple[float, int]:
    """The highest similarity of a node to an older one that is not part of another yet, and that one."""
    node, similarities, following, first, _ = contacts
    merged_into = nodes.merged_into
    highest, older = -1.0, NONE
    contact = first[newer]
    while contact != NONE:
        near, similarity = node[contact], similarities[contact]
        better = similarity > highest or (similarity == highest and near < older)
        if better and near < newer and merged_into[near] == near:
            highest, older = similarity, near
        contact = following[contact]
    return highest, older


@kernel
def _enter(queue: Queue, waiting: int, newer: int, best: tuple[float, int]) -> int:
    """Put a node into the queue, if it has a pair; how many are waiting then is returned."""
    nodes, similarity, older = queue
    similarity[newer], older[newer] = best
    if older[newer] == NONE:
        return waiting
    place = waiting
    while place > 0 and _before(similarity, older, newer, nodes[(place - 1) // 2]):
        nodes[place] = nodes[(place - 1) // 2]
        place = (place - 1) // 2
    nodes[place] = newer
    return waiting + 1


@kernel
def _leave(queue: Queue, waiting: int) -> int:
    """Take the first node out of the queue; how many are waiting then is returned."""
    nodes, similarity, older = queue
    waiting -= 1
    last = nodes[waiting]
    place, child = 0, 1
    while child < waiting:
        if child + 1 < waiting and _before(similarity, older, nodes[child + 1], nodes[child]):
            child += 1
        if _before(similarity, older, last, nodes[child]):
            break
        nodes[place] = nodes[child]
        place, child = child, 2 * child + 1
    nodes[place] = last
    return waiting


@kernel
def _before(similarity: NDArray[np.float64], older: NDArray[np.int64], a: int, b: int) -> bool:
    """Whether the pair of node ``a`` is to be merged before that of ``b``."""
    if similarity[a] != similarity[b]:
        return bool(similarity[a] > similarity[b])
    if older[a] != older[b]:
        return bool(older[a] < older[b])
    return a < b


@kernel
def _link(nodes: Nodes, pairs: Pairs, measure: Measure) -> Contacts:
    """Contacts ``2i`` and ``2i + 1`` are pair ``i`` seen from its newer and from its older end."""
    sizes, extents, rows, profiles = nodes.sizes, nodes.extents, nodes.rows, nodes.profiles
    node = pairs.astype(np.int64).reshape(-1)
    similarity = np.zeros(node.size)
    following = np.full(node.size, NONE)
    first, last = np.full(sizes.size, NONE), np.full(sizes.size, NONE)
    for contact in range(node.size):
        _append(following, first, last, node[contact ^ 1], contact)
    for contact in range(0, node.size, 2):
        older, newer = node[contact], node[contact + 1]
        similarity[contact] = _similarity(sizes, extents, rows, profiles, older, newer, measure)
    return Contacts(node, similarity, following, first, last)


@kernel
def _append(
    following: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64], node: int, contact: int
) -> int:
    """Put a contact at the end of a node's list."""
    if first[node] == NONE:
        first[node] = contact
    else:
        following[last[node]] = contact
    last[node] = contact
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
    kept, dropped = nodes.rows[a], nodes.rows[b]
    for i in range(nodes.counts.shape[1]):
        nodes.counts[kept, i] += nodes.counts[dropped, i]


@kernel
def _update_profile(nodes: Nodes, node: int, measure: Measure) -> None:
    """Counts to shares: those of the colours add up to 1, and so do those of the gradients."""
    row = nodes.rows[node]
    size = float(nodes.sizes[node])
    colour = ONE / (measure.channels * size)
    texture = ONE / (DIRECTIONS * measure.channels * size)
    for i in range(nodes.counts.shape[1]):
        nodes.profiles[row, i] = np.int32(nodes.counts[row, i] * (colour if i < measure.colours else texture))


@kernel
def _similarity(
    sizes: Sizes, extents: Extents, rows: NDArray[np.int64], profiles: Histograms, a: int, b: int, measure: Measure
) -> float:
    """The similarity of two nodes. The arrays come one by one: taking them out of a tuple would cost more than the sum.

    What two profiles share is at most 2.0, so 32 bits hold it.
    """
    row_a, row_b = rows[a], rows[b]
    shared = np.int32(0)
    for i in range(profiles.shape[1]):
        shared = np.int32(shared + min(profiles[row_a, i], profiles[row_b, i]))
    similarity = shared / ONE
    size = sizes[a] + sizes[b]
    per_pixel = 1.0 / measure.pixels
    if measure.size:
        similarity += 1.0 - size * per_pixel
    if measure.fill:
        width = np.int64(max(extents[a, 2], extents[b, 2])) - min(extents[a, 0], extents[b, 0]) + 1
        height = np.int64(max(extents[a, 3], extents[b, 3])) - min(extents[a, 1], extents[b, 1]) + 1
        similarity += 1.0 - (width * height - size) * per_pixel
    return similarity
