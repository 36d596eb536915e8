"""How a hierarchy is made of regions and of who touches whom.

A pair belongs to the newer of its two nodes, and the queue holds the best pair of each node alone: most pairs are never
looked at again, as a part of theirs merges with another before.

A node that has grown into half the image touches thousands. When it takes in one more, few of their similarities are
computed anew: of the others it is known that they are not the best. For with any node a merger of ``a`` and ``b`` can
share more than ``a`` did by what ``a`` and ``b`` do not share, times the part of its pixels that were ``b``'s.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.features import DIRECTIONS, Histograms
from detection.proposals.selective_search.kernel import borrowing_kernel
from detection.proposals.selective_search.nodes import Contacts, Fates, Floats, Measure, Nodes, Numbers, Queue
from detection.proposals.selective_search.regions import Extents, Pairs, Sizes

ONE = 1 << 24  # 1.0 in fixed point
NONE = -1
SLACK = 3e-5  # more than what is rounded off a profile of 315 columns in all


@borrowing_kernel
def merge_all(nodes: Nodes, fates: Fates, contacts: Contacts, queue: Queue, pairs: Pairs, measure: Measure) -> int:
    """Merge until nothing touches; the number of nodes is returned. The next three come empty."""
    regions = nodes.counts.shape[0]
    for region in range(regions):
        _update_profile(nodes, region, measure)
    for node in range(2 * regions):
        fates.merged_into[node], fates.met_by[node], fates.gain[node] = node, NONE, 0.0
    _link(nodes, pairs, contacts, measure)
    waiting = 0
    for region in range(regions):
        waiting = _enter(queue, waiting, region, _best(nodes, fates, contacts, region, measure))
    new: int = regions
    while waiting:
        b, similarity = queue.newer[0], queue.similarity[0]
        a = queue.older[b]
        waiting = _leave(queue, waiting)
        if fates.merged_into[b] != b:
            continue
        if fates.merged_into[a] != a:
            waiting = _enter(queue, waiting, b, _best(nodes, fates, contacts, b, measure))
            continue
        _merge(nodes, a, b, new)
        _note_gains(nodes, fates, (a, b, new), similarity, measure)
        _update_profile(nodes, new, measure)
        waiting = _enter(queue, waiting, new, _meet(nodes, fates, contacts, (a, b, new), measure))
        new += 1
    return new


@borrowing_kernel
def _link(nodes: Nodes, pairs: Pairs, contacts: Contacts, measure: Measure) -> None:
    """Note every pair at both ends; the contacts of a region follow one another, so they are in one place of memory."""
    node, following, similarities, first, last = contacts
    sizes, extents, rows, _, profiles = nodes
    first[:], last[:] = NONE, 0
    for pair in pairs:
        for own in pair:
            last[own] += 1  # how many it has
    place = 0
    for region in range(nodes.counts.shape[0]):
        touching = last[region]
        first[region] = place if touching else NONE
        last[region] = place - 1
        place += touching
    for older, newer in pairs:
        similarity = _similarity(sizes, extents, rows, profiles, older, newer, measure)
        for own, near in ((older, newer), (newer, older)):
            last[own] += 1
            contact = last[own]
            node[contact], following[contact], similarities[contact] = near, contact + 1, similarity
    for region in range(nodes.counts.shape[0]):
        if first[region] != NONE:
            following[last[region]] = NONE


@borrowing_kernel
def _append(following: Numbers, first: Numbers, last: Numbers, node: int, contact: int) -> int:
    """Put a contact at the end of a node's list."""
    if first[node] == NONE:
        first[node] = contact
    else:
        following[last[node]] = contact
    last[node] = contact
    return contact


@borrowing_kernel
def _meet(
    nodes: Nodes, fates: Fates, contacts: Contacts, merger: tuple[int, int, int], measure: Measure
) -> tuple[float, int]:
    """Make the contacts of a merger, from those of its two parts: the nodes that these are by now, each once.

    The best of them is returned.
    """
    a, b, new = merger
    node, following, similarities, first, last = contacts
    merged_into, met_by, gain = fates
    sizes, extents, rows, _, profiles = nodes
    highest, older = -1.0, NONE
    kept = NONE
    for part in (a, b):
        own = gain[part]
        contact = first[part]
        while contact != NONE:
            after = following[contact]
            near, grown = _current(merged_into, gain, node[contact])
            if near != new and met_by[near] != new:
                met_by[near] = new
                similarity = -(abs(similarities[contact]) + own + grown)
                if -similarity >= highest:
                    similarity = _similarity(sizes, extents, rows, profiles, near, new, measure)
                    if similarity > highest or (similarity == highest and near < older):
                        highest, older = similarity, near
                node[contact] = near
                similarities[contact] = similarity
                kept = _append(following, first, last, new, contact)
            contact = after
    if kept != NONE:
        following[kept] = NONE
    return highest, older


@borrowing_kernel
def _best(nodes: Nodes, fates: Fates, contacts: Contacts, newer: int, measure: Measure) -> tuple[float, int]:
    """The highest similarity of a node to an older one that is not part of another yet, and that one."""
    node, following, similarities, first, _ = contacts
    sizes, extents, rows, _, profiles = nodes
    merged_into = fates.merged_into
    highest, older = -1.0, NONE
    contact = first[newer]
    while contact != NONE:
        near, similarity = node[contact], similarities[contact]
        if abs(similarity) >= highest and near < newer and merged_into[near] == near:
            if similarity < 0:
                similarity = _similarity(sizes, extents, rows, profiles, near, newer, measure)
                similarities[contact] = similarity
            if similarity > highest or (similarity == highest and near < older):
                highest, older = similarity, near
        contact = following[contact]
    return highest, older


@borrowing_kernel
def _enter(queue: Queue, waiting: int, node: int, best: tuple[float, int]) -> int:
    """Put a node into the queue, if it has a pair; how many are waiting then is returned."""
    newer, similarities, older = queue
    similarity, older[node] = best
    if older[node] == NONE:
        return waiting
    place = waiting
    while place > 0 and _before(queue, similarity, node, (place - 1) // 2):
        newer[place], similarities[place] = newer[(place - 1) // 2], similarities[(place - 1) // 2]
        place = (place - 1) // 2
    newer[place], similarities[place] = node, similarity
    return waiting + 1


@borrowing_kernel
def _leave(queue: Queue, waiting: int) -> int:
    """Take the first node out of the queue; how many are waiting then is returned."""
    newer, similarities, _ = queue
    waiting -= 1
    node, similarity = newer[waiting], similarities[waiting]
    place, child = 0, 1
    while child < waiting:
        if child + 1 < waiting and _before(queue, similarities[child + 1], newer[child + 1], child):
            child += 1
        if _before(queue, similarity, node, child):
            break
        newer[place], similarities[place] = newer[child], similarities[child]
        place, child = child, 2 * child + 1
    newer[place], similarities[place] = node, similarity
    return waiting


@borrowing_kernel
def _before(queue: Queue, similarity: float, node: int, place: int) -> bool:
    """Whether the pair of a node is to be merged before that of the node in a place."""
    other = queue.newer[place]
    if similarity != queue.similarity[place]:
        return bool(similarity > queue.similarity[place])
    if queue.older[node] != queue.older[other]:
        return bool(queue.older[node] < queue.older[other])
    return bool(node < other)


@borrowing_kernel
def _current(merged_into: Numbers, gain: Floats, node: int) -> tuple[int, float]:
    """The node that another is part of by now, and the gain to it; the way there is halved for the next time."""
    total = 0.0
    while merged_into[node] != node:
        above = merged_into[node]
        gain[node] += gain[above]
        merged_into[node] = merged_into[above]
        total += gain[node]
        node = merged_into[node]
    return node, total


@borrowing_kernel
def _merge(nodes: Nodes, a: int, b: int, new: int) -> None:
    sizes, extents, rows, counts, _ = nodes
    sizes[new] = sizes[a] + sizes[b]
    rows[new] = rows[a]
    for side in range(2):
        extents[new, side] = min(extents[a, side], extents[b, side])
        extents[new, side + 2] = max(extents[a, side + 2], extents[b, side + 2])
    kept, dropped = rows[a], rows[b]
    for i in range(counts.shape[1]):
        counts[kept, i] += counts[dropped, i]


@borrowing_kernel
def _note_gains(nodes: Nodes, fates: Fates, merger: tuple[int, int, int], similarity: float, measure: Measure) -> None:
    """Hang two nodes of the given similarity below their merger."""
    a, b, new = merger
    sizes = nodes.sizes
    most = float((measure.colours > 0) + (nodes.counts.shape[1] > measure.colours))
    unlike = _with_shape(most, sizes, nodes.extents, a, b, measure) - similarity
    for one, other in ((a, b), (b, a)):
        gain = sizes[other] / sizes[new] * unlike + SLACK
        if measure.fill and not measure.size:  # a larger node leaves less of a box empty
            gain += sizes[other] / measure.pixels
        fates.gain[one] = gain
        fates.merged_into[one] = new


@borrowing_kernel
def _update_profile(nodes: Nodes, node: int, measure: Measure) -> None:
    """Counts to shares: those of the colours add up to 1, and so do those of the gradients."""
    row = nodes.rows[node]
    size = float(nodes.sizes[node])
    colour = ONE / (measure.channels * size)
    texture = ONE / (DIRECTIONS * measure.channels * size)
    for i in range(nodes.counts.shape[1]):
        nodes.profiles[row, i] = np.int32(nodes.counts[row, i] * (colour if i < measure.colours else texture))


@borrowing_kernel
def _similarity(
    sizes: Sizes, extents: Extents, rows: NDArray[np.int64], profiles: Histograms, a: int, b: int, measure: Measure
) -> float:
    """The similarity of two nodes; what two profiles share is at most 2.0, so 32 bits hold it."""
    row_a, row_b = rows[a], rows[b]
    shared = np.int32(0)
    for i in range(profiles.shape[1]):
        shared = np.int32(shared + min(profiles[row_a, i], profiles[row_b, i]))
    return _with_shape(shared / ONE, sizes, extents, a, b, measure)


@borrowing_kernel
def _with_shape(similarity: float, sizes: Sizes, extents: Extents, a: int, b: int, measure: Measure) -> float:
    """What two nodes share, and how small they are and how well they fit together, as far as it is measured."""
    size = sizes[a] + sizes[b]
    per_pixel = 1.0 / measure.pixels
    if measure.size:
        similarity += 1.0 - size * per_pixel
    if measure.fill:
        width = np.int64(max(extents[a, 2], extents[b, 2])) - min(extents[a, 0], extents[b, 0]) + 1
        height = np.int64(max(extents[a, 3], extents[b, 3])) - min(extents[a, 1], extents[b, 1]) + 1
        similarity += 1.0 - (width * height - size) * per_pixel
    return similarity
