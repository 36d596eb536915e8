"""Superpixels of several scales at once: Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation".

Edges are gone through from the lightest: one joins two components if, for each, it is no heavier than the heaviest edge
inside plus ``k`` over the size. Afterwards components smaller than ``min_size`` join a neighbour. A larger ``k`` gives
larger superpixels. Selective search wants those of several ``k``, and most of the work is common to all:

1. *Contract*, with the smallest ``k``: what it joins, every ``k`` joins, up to the first refusal. The two components of
   a refused edge are then closed, and every further edge of theirs put aside: what becomes of it differs with ``k``.
2. *Finish*: the edges put aside, as a graph of the contracted components, are gone through once for each ``k``.

The result is exactly that of running each ``k`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.colour import Planes
from detection.proposals.selective_search.edges import Keys, numbers_and_weights, sorted_edges
from detection.proposals.selective_search.kernel import kernel

Labels = NDArray[np.int32]
Forest = NDArray[np.int32]  # the parent of each node, or, at a root, minus the pixels below it
Weights = NDArray[np.float32]
Node = np.uint32  # unsigned: an index that cannot be negative needs no test for it, and these loops are all look-ups
KNUTH = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: the multiplier of a multiplicative hash


class Superpixels(NamedTuple):
    """The superpixels of each scale, as unions of atoms: the pieces that no scale divides."""

    atoms: Labels  # (H, W)
    atom_count: int
    of_atom: tuple[Labels, ...]  # per scale (atom_count,): the superpixel that each atom belongs to


class Graph(NamedTuple):
    """Contracted components (vertices) and the lightest undecided edge between each two, in ascending order."""

    ends: NDArray[np.uint32]  # (2, E)
    weights: Weights  # (E,)
    sizes: NDArray[np.int32]  # (V,) pixels
    heaviest: Weights  # (V,) heaviest edge inside


def segment(planes: Planes, scales: Sequence[tuple[float, int]]) -> Superpixels:
    """Superpixels of smoothed planes at each scale ``(k, min_size)``."""
    height, width = planes.shape[1:]
    keys = sorted_edges(planes)
    forest = np.full(height * width, -1, np.int32)
    heaviest = np.zeros(height * width, np.float32)
    left = _contract(keys, *numbers_and_weights(keys), forest, heaviest, width, min(k for k, _ in scales))
    vertices, roots = _number(forest)
    ends, weights = _between(*numbers_and_weights(keys[:left]), vertices, width)
    graph = Graph(ends, weights, -forest[roots], heaviest[roots])
    of_atom, atom_of_vertex = _intersect([_finish(graph, k, min_size) for k, min_size in scales])
    return Superpixels(atom_of_vertex[vertices].reshape(height, width), len(of_atom[0]), of_atom)


def _intersect(labellings: Sequence[Labels]) -> tuple[tuple[Labels, ...], Labels]:
    """The coarsest pieces that every labelling is made of: their labels in each, and the piece of each item."""
    pieces = labellings[0]
    for labels in labellings[1:]:
        codes = pieces.astype(np.int64) * (int(labels.max()) + 1) + labels
        pieces = np.unique(codes, return_inverse=True)[1].astype(np.int32)
    member = np.empty(int(pieces.max()) + 1, np.int64)
    member[pieces] = np.arange(len(pieces))
    return tuple(labels[member] for labels in labellings), pieces


@kernel
def _find(forest: Forest, node: Node) -> Node:
    """Root of a node; the nodes on the way are hung to their grandparents."""
    up = forest[node]
    while up >= 0:
        parent = Node(up)
        up = forest[parent]
        if up >= 0:
            forest[node] = up
        node = parent
    return node


@kernel
def _join(forest: Forest, a: Node, b: Node) -> Node:
    """Hang the smaller of two roots below the larger, the second where they are equal; the root of both is returned."""
    if forest[a] > forest[b]:
        a, b = b, a
    forest[a] += forest[b]
    forest[b] = np.int32(a)
    return a


@kernel
def _pixels_of(edge: Node, pixels: Node, width: Node) -> tuple[Node, Node]:
    """The two ends of an edge of the grid, from its number."""
    if edge < pixels:
        return edge, edge + Node(1)
    return edge - pixels, edge - pixels + width


@kernel
def _contract(
    keys: Keys, edges: NDArray[np.uint32], weights: Weights, forest: Forest, heaviest: Weights, width: int, k: float
) -> int:
    """Join what every ``k`` joins; the keys of the undecided edges move to the front, and their number is returned.

    ``forest`` and ``heaviest`` are filled in. A component's limit is the weight up to which it accepts an edge; that of
    a closed component is -1.
    """
    pixels = Node(forest.size)
    k32 = np.float32(k)
    limit = np.full(forest.size, k32, np.float32)
    left = 0
    for i in range(keys.size):
        a, b = _pixels_of(edges[i], pixels, Node(width))
        a = _find(forest, a)
        b = _find(forest, b)
        if a == b:
            continue
        weight = weights[i]
        if weight <= limit[a] and weight <= limit[b]:
            a = _join(forest, a, b)
            limit[a] = weight + k32 / np.float32(-forest[a])
            heaviest[a] = weight
        else:
            limit[a] = -1
            limit[b] = -1
            keys[left] = keys[i]
            left += 1
    return left


@kernel
def _number(forest: Forest) -> tuple[Labels, Labels]:
    """Label of every node, by first appearance of its tree, and the root of every label."""
    labels = np.full(forest.size, -1, np.int32)
    roots = np.empty(forest.size, np.int32)
    count = 0
    for node in range(forest.size):
        root = _find(forest, Node(node))
        if labels[root] < 0:
            labels[root] = count
            roots[count] = root
            count += 1
        labels[node] = labels[root]
    return labels, roots[:count].copy()


@kernel
def _between(
    edges: NDArray[np.uint32], weights: Weights, vertices: Labels, width: int
) -> tuple[NDArray[np.uint32], Weights]:
    """The first, so lightest, edge between each two vertices: what becomes of it becomes of the heavier ones."""
    bits = 4
    while 1 << bits < 2 * edges.size:
        bits += 1
    table = np.full(1 << bits, -1, np.int64)  # open addressing, at most half full
    ends = np.empty((2, edges.size), np.uint32)
    lightest = np.empty(edges.size, np.float32)
    count = 0
    for i in range(edges.size):
        p, q = _pixels_of(edges[i], Node(vertices.size), Node(width))
        a, b = vertices[p], vertices[q]
        pair = np.int64(min(a, b)) << 32 | np.int64(max(a, b))
        slot = np.uint64(pair) * KNUTH >> np.uint64(64 - bits)
        while table[slot] >= 0 and table[slot] != pair:
            slot = (slot + np.uint64(1)) & np.uint64(table.size - 1)
        if table[slot] < 0:
            table[slot] = pair
            ends[0, count], ends[1, count] = a, b
            lightest[count] = weights[i]
            count += 1
    return ends[:, :count].copy(), lightest[:count].copy()


@kernel
def _finish(graph: Graph, k: float, min_size: int) -> Labels:
    """Label of every vertex for one ``k``."""
    k32 = np.float32(k)
    forest = -graph.sizes
    limit = graph.heaviest + k32 / graph.sizes.astype(np.float32)
    refused = np.empty(graph.weights.size, np.uint32)
    count = 0
    for i in range(graph.weights.size):
        a = _find(forest, graph.ends[0, i])
        b = _find(forest, graph.ends[1, i])
        if a == b:
            continue
        weight = graph.weights[i]
        if weight <= limit[a] and weight <= limit[b]:
            a = _join(forest, a, b)
            limit[a] = weight + k32 / np.float32(-forest[a])
        else:
            refused[count] = i
            count += 1
    for i in refused[:count]:
        a = _find(forest, graph.ends[0, i])
        b = _find(forest, graph.ends[1, i])
        if a != b and (-forest[a] < min_size or -forest[b] < min_size):
            _join(forest, a, b)
    return _number(forest)[0]
