"""Superpixels of several scales at once: Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation".

Edges are gone through from the lightest: one joins two components if, for each, it is no heavier than the heaviest edge
inside plus ``k`` over the size. Afterwards components smaller than ``min_size`` join a neighbour. A larger ``k`` gives
larger superpixels. Selective search wants those of several ``k``, and most of the work is common to all: what is left
of it (see ``contraction``), a small graph, is gone through once for each ``k``.

The result is exactly that of running each ``k`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detection.proposals.selective_search.contraction import Graph, contract
from detection.proposals.selective_search.joining import Labels, Node, Place
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.sifting import Forest
from detection.proposals.selective_search.smoothing import Planes

__all__ = ["Labels", "Superpixels", "segment"]

BLOCK = 64  # edges whose components are looked up together
KNUTH = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: the multiplier of a multiplicative hash


class Superpixels(NamedTuple):
    """The superpixels of each scale, as unions of atoms: the pieces that no scale divides."""

    atoms: Labels  # (H, W)
    atom_count: int
    of_atom: tuple[Labels, ...]  # per scale (atom_count,): the superpixel that each atom belongs to


def segment(planes: Planes, scales: Sequence[tuple[float, int]]) -> Superpixels:
    """Superpixels of smoothed planes at each scale ``(k, min_size)``."""
    graph, vertices = contract(planes, min(k for k, _ in scales))
    of_atom, atom_of_vertex = _intersect([_finish(graph, k, min_size) for k, min_size in scales])
    _relabel(vertices, atom_of_vertex)
    return Superpixels(vertices.reshape(planes.shape[1:]), len(of_atom[0]), of_atom)


def _intersect(labellings: Sequence[Labels]) -> tuple[tuple[Labels, ...], Labels]:
    """The coarsest pieces that every labelling is made of: their labels in each, and the piece of each item."""
    pieces, members = labellings[0], _firsts(labellings[0])
    for labels in labellings[1:]:
        pieces, members = _pairs(pieces, labels)
    return tuple(labels[members] for labels in labellings), pieces


@kernel
def _relabel(items: Labels, labels: Labels) -> None:
    """Put the label of each item in its place; NumPy's indexing takes four times as long."""
    for i in range(items.size):
        items[i] = labels[Node(items[i])]


@kernel
def _firsts(labels: Labels) -> Labels:
    """The first item of each label, where labels are numbered by first appearance."""
    firsts = np.empty(labels.size, np.int32)
    count = 0
    for item in range(labels.size):
        if labels[item] == count:
            firsts[count] = item
            count += 1
    return firsts[:count].copy()


@kernel
def _pairs(one: Labels, other: Labels) -> tuple[Labels, Labels]:
    """Label of every item by its pair of labels, numbered by first appearance, and the first item of each."""
    bits = 4
    while 1 << bits < 2 * one.size:
        bits += 1
    table = np.full(1 << bits, -1, np.int32)  # open addressing, at most half full: the first items
    pairs = np.empty(one.size, np.int32)
    firsts = np.empty(one.size, np.int32)
    count = 0
    for item in range(one.size):
        code = np.uint64(one[item]) << np.uint64(32) | np.uint64(other[item])
        slot = code * KNUTH >> np.uint64(64 - bits)
        found = table[slot]
        while found >= 0 and (one[firsts[found]] != one[item] or other[firsts[found]] != other[item]):
            slot = (slot + np.uint64(1)) & np.uint64(table.size - 1)
            found = table[slot]
        if found < 0:
            found = count
            table[slot] = count
            firsts[count] = item
            count += 1
        pairs[item] = found
    return pairs, firsts[:count].copy()


@kernel
def _root(forest: Forest, node: Node) -> Node:
    """Root of a node, which is hung to its grandparent."""
    up = forest[node]
    parent = Node(up) if up >= 0 else node
    above = forest[parent]
    root = Node(above) if above >= 0 else parent
    forest[node] = np.int32(root) if root != node else up
    while forest[root] >= 0:
        root = Node(forest[root])
    return root


@kernel
def _up(forest: Forest, node: Node) -> Node:
    """Root of a node that was one a moment ago."""
    while forest[node] >= 0:
        node = Node(forest[node])
    return node


@kernel
def _join(forest: Forest, a: Node, b: Node) -> Node:
    """Hang the smaller of two roots below the larger, the second where they are equal; the root of both is returned."""
    root, other = (b, a) if forest[a] > forest[b] else (a, b)
    forest[root] += forest[other]
    forest[other] = np.int32(root)
    return root


@kernel
def _finish(graph: Graph, k: float, min_size: int) -> Labels:
    """Label of every vertex for one ``k``."""
    k32 = np.float32(k)
    forest = -graph.sizes
    limit = graph.heaviest + k32 / graph.sizes.astype(np.float32)
    refused = np.empty(graph.weights.size + 1, np.uint32)
    apart = np.empty((BLOCK + 1, 3), np.uint32)
    count = Place(0)
    for start in range(0, graph.weights.size, BLOCK):
        kept = Place(0)
        for i in range(start, min(start + BLOCK, graph.weights.size)):
            a, b = _root(forest, graph.ends[0, i]), _root(forest, graph.ends[1, i])
            apart[kept, 0], apart[kept, 1], apart[kept, 2] = i, a, b
            kept += Place(a != b)
        for i, one, two in apart[:kept]:
            a, b = _up(forest, one), _up(forest, two)
            if a == b:
                continue
            weight = graph.weights[i]
            if weight <= limit[a] and weight <= limit[b]:
                a = _join(forest, a, b)
                limit[a] = weight + k32 / np.float32(-forest[a])
            else:
                refused[count] = i
                count += Place(max(forest[a], forest[b]) > -min_size)  # components only grow
    for i in refused[:count]:
        a, b = _root(forest, graph.ends[0, i]), _root(forest, graph.ends[1, i])
        if a != b and max(forest[a], forest[b]) > -min_size:
            _join(forest, a, b)
    return _number(forest)


@kernel
def _number(forest: Forest) -> Labels:
    """Label of every node, by first appearance of its tree."""
    labels = np.full(forest.size, -1, np.int32)
    count = 0
    for node in range(forest.size):
        root = _root(forest, Node(node))
        if labels[root] < 0:
            labels[root] = count
            count += 1
        labels[node] = labels[root]
    return labels
