"""The part of the segmentation that all scales have in common, from pixels to a small graph.

Edges are gone through from the lightest with the smallest ``k``: what it joins, every ``k`` joins, up to the first
refusal. The two components of a refused edge are then *closed*, and every further edge of theirs put aside: what
becomes of it differs with ``k``.

A bucket of edges is first filtered: edges inside a component are dropped, and those between closed components, which
nothing here can change, are put aside at once. Only the others are sorted and decided one by one. Most of the time is
spent on looking up components, so those loops have no branch that a processor could guess wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.edges import LOW_BITS, Keys, bucketed_edges
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.smoothing import Planes

Labels = NDArray[np.int32]
Forest = NDArray[np.int32]  # the parent of each node, or, at a root, minus the pixels below it
Weights = NDArray[np.float32]
Counts = NDArray[np.int64]
Ends = NDArray[np.uint32]
Node = np.uint32  # unsigned: an index that cannot be negative needs no test for it, and these loops are all look-ups
Place = np.uint64

CLOSED = np.int32(-(2**30))  # added to the root of a closed component; images have fewer pixels
BLOCK = 64  # edges whose components are looked up together
FEW = 24  # keys that are sorted faster by insertion
KNUTH = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: the multiplier of a multiplicative hash


class Graph(NamedTuple):
    """Contracted components (vertices) and the lightest undecided edge between each two, in ascending order."""

    ends: Ends  # (2, E)
    weights: Weights  # (E,)
    sizes: NDArray[np.int32]  # (V,) pixels
    heaviest: Weights  # (V,) heaviest edge inside


def contract(planes: Planes, k: float) -> tuple[Graph, Labels]:
    """The graph that is left when everything is joined that ``k`` and all above join, and the vertex of each pixel."""
    height, width = planes.shape[1:]
    keys, bucket_ends = bucketed_edges(planes)
    forest = np.full(height * width, -1, np.int32)
    heaviest = np.zeros(height * width, np.float32)
    undecided = keys[: _contract(keys, bucket_ends, forest, heaviest, width, k, LOW_BITS // 2)]
    vertices, roots = _number(forest)
    ends, weights = _between(undecided, vertices, len(roots), width)
    return Graph(ends, weights, _sizes(forest[roots]), heaviest[roots]), vertices


def _sizes(roots: Forest) -> NDArray[np.int32]:
    return np.where(roots < CLOSED, CLOSED - roots, -roots)


@kernel
def _contract(
    keys: Keys, bucket_ends: Counts, forest: Forest, heaviest: Weights, width: int, k: float, digit: int
) -> int:
    """Join what every ``k`` joins; the undecided edges move to the front, sorted, and their number is returned.

    ``forest`` and ``heaviest`` are filled in. Keys are sorted by digits of ``digit`` bits.
    """
    largest = 0
    start = 0
    for end in bucket_ends:
        largest = max(largest, end - start)
        start = end
    aside = np.empty(largest + 1, np.uint64)
    scratch = np.empty(largest, np.uint64)
    counts = np.empty((2, 1 << digit), np.int64)
    ends = np.empty((BLOCK, 2), np.uint32)
    left = 0
    start = 0
    for end in bucket_ends:
        if start < end:
            bucket = keys[start:end]
            open_edges, closed_edges = _filter(bucket, forest, Node(width), aside)
            _sort(bucket[:open_edges], np.uint64(digit), scratch, counts)
            _sort(aside[:closed_edges], np.uint64(digit), scratch, counts)
            refused = _decide(bucket[:open_edges], forest, heaviest, Node(width), np.float32(k), ends)
            scratch[:refused] = bucket[:refused]
            _merge(scratch[:refused], aside[:closed_edges], keys[left : left + refused + closed_edges])
            left += refused + closed_edges
        start = end
    return left


@kernel
def _pixels_of(key: Place, pixels: Node, width: Node) -> tuple[Node, Node]:
    """The two ends of an edge of the grid."""
    edge = Node(key & np.uint64(0xFFFFFFFF))
    right = edge < pixels
    pixel = edge if right else edge - pixels
    return pixel, pixel + (Node(1) if right else width)


@kernel
def _root(forest: Forest, node: Node) -> tuple[Node, int]:
    """Root of a node and what stands there; the node is hung to its grandparent.

    Two steps up are taken whether needed or not: further ones seldom are.
    """
    up = forest[node]
    parent = Node(up) if up >= 0 else node
    above = forest[parent]
    root = Node(above) if above >= 0 else parent
    forest[node] = np.int32(root) if root != node else up
    value = forest[root]
    while value >= 0:
        root = Node(value)
        value = forest[root]
    return root, value


@kernel
def _filter(bucket: Keys, forest: Forest, width: Node, aside: Keys) -> tuple[int, int]:
    """Keep the edges between two components: those to decide move to the front, those between closed ones ``aside``."""
    pixels = Node(forest.size)
    kept = Place(0)
    put_aside = Place(0)
    for key in bucket:
        p, q = _pixels_of(key, pixels, width)
        a, at_a = _root(forest, p)
        b, at_b = _root(forest, q)
        closed = max(at_a, at_b) < CLOSED
        bucket[kept] = key
        kept += Place((a != b) & (not closed))
        aside[put_aside] = key
        put_aside += Place((a != b) & closed)
    return int(kept), int(put_aside)


@kernel
def _sort(keys: Keys, digit: np.uint64, scratch: Keys, counts: Counts) -> None:
    """Sort a bucket's keys, which come in the order of their numbers: by radix, in the two digits that may differ."""
    mask = np.uint64(counts.shape[1] - 1)
    if keys.size <= FEW:
        for i in range(1, keys.size):
            key = keys[i]
            j = i
            while j > 0 and keys[j - 1] > key:
                keys[j] = keys[j - 1]
                j -= 1
            keys[j] = key
        return
    counts[:] = 0
    for key in keys:
        counts[0, (key >> np.uint64(32)) & mask] += 1
        counts[1, (key >> (np.uint64(32) + digit)) & mask] += 1
    for d in range(2):
        total = 0
        for i in range(counts.shape[1]):
            total += counts[d, i]
            counts[d, i] = total - counts[d, i]
    for key in keys:
        place = (key >> np.uint64(32)) & mask
        scratch[counts[0, place]] = key
        counts[0, place] += 1
    for key in scratch[: keys.size]:
        place = (key >> (np.uint64(32) + digit)) & mask
        keys[counts[1, place]] = key
        counts[1, place] += 1


@kernel
def _decide(keys: Keys, forest: Forest, heaviest: Weights, width: Node, k: np.float32, ends: Ends) -> int:
    """Join or refuse, from the lightest; the refused edges move to the front, and their number is returned.

    A component's limit is its heaviest edge plus ``k`` over its pixels. ``ends`` is scratch: roots of a block's edges.
    """
    weights = keys.view(np.float32)[1::2]  # little-endian, as is every machine Numba knows
    refused = Place(0)
    for start in range(0, keys.size, BLOCK):
        block = min(BLOCK, keys.size - start)
        for i in range(block):
            p, q = _pixels_of(keys[Place(start + i)], Node(forest.size), width)
            ends[i, 0] = _root(forest, p)[0]
            ends[i, 1] = _root(forest, q)[0]
        for i in range(block):
            a = ends[i, 0]
            at_a = forest[a]
            while at_a >= 0:
                a = Node(at_a)
                at_a = forest[a]
            b = ends[i, 1]
            at_b = forest[b]
            while at_b >= 0:
                b = Node(at_b)
                at_b = forest[b]
            if a == b:
                continue
            weight = weights[Place(start + i)]
            if (
                min(at_a, at_b) > CLOSED
                and weight <= heaviest[a] + k / np.float32(-at_a)
                and weight <= heaviest[b] + k / np.float32(-at_b)
            ):
                root, other = (b, a) if at_a > at_b else (a, b)
                forest[root] = at_a + at_b
                forest[other] = np.int32(root)
                heaviest[root] = weight
            else:
                forest[a] = at_a + CLOSED if at_a > CLOSED else at_a
                forest[b] = at_b + CLOSED if at_b > CLOSED else at_b
                keys[refused] = keys[Place(start + i)]
                refused += Place(1)
    return int(refused)


@kernel
def _merge(one: Keys, other: Keys, both: Keys) -> None:
    """Two sorted runs into one."""
    i = Place(0)
    j = Place(0)
    for place in range(both.size):
        first = j == Place(other.size) or (i < Place(one.size) and one[i] < other[j])
        both[place] = one[i] if first else other[j]
        i += Place(first)
        j += Place(not first)


@kernel
def _number(forest: Forest) -> tuple[Labels, Labels]:
    """Label of every node, by first appearance of its tree, and the root of every label."""
    labels = np.full(forest.size, -1, np.int32)
    roots = np.empty(forest.size, np.int32)
    count = 0
    for node in range(forest.size):
        root = _root(forest, Node(node))[0]
        if labels[root] < 0:
            labels[root] = count
            roots[count] = root
            count += 1
        labels[node] = labels[root]
    return labels, roots[:count].copy()


@kernel
def _between(keys: Keys, vertices: Labels, count: int, width: int) -> tuple[Ends, Weights]:
    """The first, so lightest, edge between each two vertices: what becomes of it becomes of the heavier ones."""
    most = min(keys.size, 3 * count)  # a planar graph has fewer than three edges a vertex
    bits = 4
    while 1 << bits < 2 * most:
        bits += 1
    table = np.full(1 << bits, -1, np.int64)  # open addressing, at most half full
    ends = np.empty((2, most), np.uint32)
    lightest = np.empty(most, np.float32)
    weights = keys.view(np.float32)[1::2]
    found = 0
    for i in range(keys.size):
        p, q = _pixels_of(keys[i], Node(vertices.size), Node(width))
        a, b = vertices[p], vertices[q]
        pair = np.int64(min(a, b)) << 32 | np.int64(max(a, b))
        slot = np.uint64(pair) * KNUTH >> np.uint64(64 - bits)
        while table[slot] >= 0 and table[slot] != pair:
            slot = (slot + np.uint64(1)) & np.uint64(table.size - 1)
        if table[slot] < 0:
            table[slot] = pair
            ends[0, found], ends[1, found] = a, b
            lightest[found] = weights[i]
            found += 1
    return ends[:, :found].copy(), lightest[:found].copy()
