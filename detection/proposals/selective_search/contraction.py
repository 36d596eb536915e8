"""The part of the segmentation that all scales have in common, from pixels to a small graph.

Edges are gone through from the lightest with the smallest ``k``: what it joins, every ``k`` joins, up to the first
refusal. The two components of a refused edge are then *closed*, and what becomes of their further edges differs with
``k``. Afterwards, then, every edge lies inside a component or between two closed ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.edges import Counts, Keys, Weights, ascending, weigh
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.sifting import Forest, sift
from detection.proposals.selective_search.smoothing import Planes

Labels = NDArray[np.int32]
Ends = NDArray[np.uint32]
Node = np.uint32  # unsigned: an index that cannot be negative needs no test for it, and these loops are all look-ups
Place = np.uint64

CLOSED = np.int32(-(2**30))  # added to the root of a closed component; images have fewer pixels
INFINITY = np.int32(0x7F800000)  # its bits
BLOCK = 64  # edges whose components are looked up together


class Graph(NamedTuple):
    """Contracted components (vertices) and the lightest edge between each two, in ascending order."""

    ends: Ends  # (2, E)
    weights: Weights  # (E,)
    sizes: NDArray[np.int32]  # (V,) pixels
    heaviest: Weights  # (V,) heaviest edge inside


def contract(planes: Planes, k: float) -> tuple[Graph, Labels]:
    """The graph that is left when everything is joined that ``k`` and all above join, and the vertex of each pixel."""
    width = Node(planes.shape[2])
    weights = weigh(planes)
    keys, forest, heaviest = sift(weights, k)
    _decide(keys, forest, heaviest, width, np.float32(k))
    vertices, sizes, heaviest = _number(forest, heaviest)
    keys = _between(weights.view(np.uint32), vertices, len(sizes))
    ends, lightest = _ends(ascending(keys, np.empty_like(keys)), vertices, width)
    return Graph(ends, lightest, sizes, heaviest), vertices


@kernel
def _pixels_of(key: Place, pixels: Node, width: Node) -> tuple[Node, Node]:
    """The two ends of an edge of the grid."""
    edge = Node(key & np.uint64(0xFFFFFFFF))
    right = edge < pixels
    pixel = edge if right else edge - pixels
    return pixel, pixel + (Node(1) if right else width)


@kernel
def _root(forest: Forest, node: Node) -> Node:
    """Root of a node, which is hung to its grandparent.

    Two steps up are taken whether needed or not: further ones seldom are.
    """
    up = forest[node]
    parent = Node(up) if up >= 0 else node
    above = forest[parent]
    root = Node(above) if above >= 0 else parent
    forest[node] = np.int32(root) if root != node else up
    while forest[root] >= 0:
        root = Node(forest[root])
    return root


@kernel
def _decide(keys: Keys, forest: Forest, heaviest: Weights, width: Node, k: np.float32) -> None:
    """Join, or close, from the lightest.

    A component's limit is its heaviest edge plus ``k`` over its pixels. Which way an edge is decided no processor could
    guess, so there is no branch: both ways write to the same places.
    """
    ends = np.empty((BLOCK, 2), np.uint32)
    weights = keys.view(np.float32)[1::2]  # little-endian, as is every machine Numba knows
    for start in range(0, keys.size, BLOCK):
        block = min(BLOCK, keys.size - start)
        for i in range(block):
            p, q = _pixels_of(keys[Place(start + i)], Node(forest.size), width)
            ends[i, 0] = _root(forest, p)
            ends[i, 1] = _root(forest, q)
        for i in range(block):
            one, two = _up(forest, ends[i, 0]), _up(forest, ends[i, 1])
            if one == two:
                continue
            differs = (one ^ two) & Node(-Node(forest[one] > forest[two]))
            root, other = one ^ differs, two ^ differs
            at_root, at_other = forest[root], forest[other]
            weight = weights[Place(start + i)]
            accepted = (
                (min(at_root, at_other) > CLOSED)
                & (weight <= heaviest[root] + k / np.float32(-at_root))
                & (weight <= heaviest[other] + k / np.float32(-at_other))
            )
            forest[root] = at_root + at_other if accepted else _closed(at_root)
            forest[other] = np.int32(root) if accepted else _closed(at_other)
            heaviest[root] = weight if accepted else heaviest[root]


@kernel
def _up(forest: Forest, node: Node) -> Node:
    """Root of a node that was one a moment ago."""
    while forest[node] >= 0:
        node = Node(forest[node])
    return node


@kernel
def _closed(at_root: np.int32) -> np.int32:
    return np.int32(at_root + CLOSED) if at_root > CLOSED else at_root


@kernel
def _number(forest: Forest, heaviest: Weights) -> tuple[Labels, NDArray[np.int32], Weights]:
    """Label of every node, by first appearance of its tree, and the pixels and the heaviest edge of every label."""
    labels = np.full(forest.size, -1, np.int32)
    roots = np.empty(forest.size, np.uint32)
    count = 0
    for node in range(forest.size):
        root = _root(forest, Node(node))
        if labels[root] < 0:
            labels[root] = count
            roots[count] = root
            count += 1
        labels[node] = labels[root]
    sizes = np.empty(count, np.int32)
    for label in range(count):
        at_root = forest[roots[label]]
        sizes[label] = CLOSED - at_root if at_root < CLOSED else -at_root
    return labels, sizes, heaviest[roots[:count]]


@kernel
def _between(weights: Ends, vertices: Labels, count: int) -> Keys:
    """Key of the lightest edge between each two vertices, by number: what becomes of it becomes of the heavier ones.

    The edges are sorted by their lower vertex; ``seen`` says where each upper one was met last.
    """
    edges = _crossing(vertices, weights.shape[2])
    pixels, width = Node(vertices.size), Node(weights.shape[2])
    starts = np.zeros(count + 2, np.int64)
    for edge in edges:
        p, q = _pixels_of(Place(edge), pixels, width)
        starts[min(vertices[p], vertices[q]) + 2] += 1
    for vertex in range(count):
        starts[vertex + 2] += starts[vertex + 1]
    uppers = np.empty(edges.size, np.int32)
    keys = np.empty(edges.size, np.uint64)
    bits = weights.reshape(-1)
    below = Place(bits.size // 2)  # where the downward edges begin
    for i in range(edges.size):
        edge = edges[i]
        p, q = _pixels_of(Place(edge), pixels, width)
        a, b = vertices[p], vertices[q]
        place = starts[min(a, b) + 1]
        uppers[place] = max(a, b)
        weight = bits[Place(p) + Place(width) + (Place(0) if edge < pixels else below)]
        keys[place] = Place(weight) << Place(32) | Place(i)
        starts[min(a, b) + 1] += 1
    found = _keep_lightest(keys, uppers, starts, count)
    return _by_number(keys[:found], edges)


@kernel
def _keep_lightest(keys: Keys, uppers: Labels, starts: Counts, count: int) -> int:
    """The lightest edge to each upper vertex moves to the front; how many there are is returned."""
    seen = np.full(count, -1, np.int64)
    found = 0
    for vertex in range(count):
        first = found
        for i in range(starts[vertex], starts[vertex + 1]):
            upper, key = uppers[i], keys[i]
            fresh = seen[upper] < first
            place = found if fresh else seen[upper]
            seen[upper] = place
            keys[place] = key if fresh else min(keys[place], key)
            found += fresh
    return found


@kernel
def _by_number(keys: Keys, edges: Ends) -> Keys:
    """Keys whose lower half is a place in ``edges`` in the order of these places, with the number of the edge there."""
    weights = np.full(edges.size, INFINITY, np.int32)
    for key in keys:
        weights[key & Place(0xFFFFFFFF)] = np.int32(key >> Place(32))
    ordered = np.empty(keys.size + 1, np.uint64)
    count = Place(0)
    for i in range(edges.size):
        ordered[count] = Place(weights[i]) << Place(32) | Place(edges[i])
        count += Place(weights[i] != INFINITY)
    return ordered[: keys.size]


@kernel
def _crossing(vertices: Labels, width: int) -> Ends:
    """Numbers of the edges between two vertices."""
    edges = np.empty(2 * vertices.size + 2, np.uint32)
    count = Place(0)
    height = vertices.size // width
    for y in range(height):
        row = vertices[y * width : (y + 1) * width]
        for x in range(width - 1):
            edges[count] = y * width + x
            count += Place(row[x] != row[x + 1])
    for p in range(vertices.size - width):
        edges[count] = vertices.size + p
        count += Place(vertices[p] != vertices[p + width])
    return edges[:count].copy()


@kernel
def _ends(keys: Keys, vertices: Labels, width: Node) -> tuple[Ends, Weights]:
    ends = np.empty((2, keys.size), np.uint32)
    weights = np.empty(keys.size, np.float32)
    of_keys = keys.view(np.float32)[1::2]
    for i in range(keys.size):
        p, q = _pixels_of(keys[i], Node(vertices.size), width)
        ends[0, i], ends[1, i] = vertices[p], vertices[q]
        weights[i] = of_keys[i]
    return ends, weights
