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
from detection.proposals.selective_search.joining import Labels, Node, Place, join
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.smoothing import Planes

Ends = NDArray[np.uint32]

INFINITY = np.int32(0x7F800000)  # its bits


class Graph(NamedTuple):
    """Contracted components (vertices) and the lightest edge between each two, in ascending order."""

    ends: Ends  # (2, E)
    weights: Weights  # (E,)
    sizes: NDArray[np.int32]  # (V,) pixels
    heaviest: Weights  # (V,) heaviest edge inside


def contract(planes: Planes, k: float) -> tuple[Graph, Labels]:
    """The graph that is left when everything is joined that ``k`` and all above join, and the vertex of each pixel."""
    weights = weigh(planes)
    vertices, sizes, heaviest = join(weights, k)
    # allocated by NumPy, which asks for large pages: of a large image, small ones take longer to get than to fill
    numbers = np.empty(2 * vertices.size + 2, np.uint32)
    edges = numbers[: _crossing(vertices, planes.shape[2], numbers)]
    keys = _between(weights.view(np.uint32), vertices, len(sizes), edges)
    ends, lightest = _ends(ascending(keys, np.empty_like(keys)), vertices, Node(planes.shape[2]))
    return Graph(ends, lightest, sizes, heaviest), vertices


@kernel
def _pixels_of(key: Place, pixels: Node, width: Node) -> tuple[Node, Node]:
    """The two ends of an edge of the grid."""
    edge = Node(key & np.uint64(0xFFFFFFFF))
    right = edge < pixels
    pixel = edge if right else edge - pixels
    return pixel, pixel + (Node(1) if right else width)


@kernel
def _between(weights: Ends, vertices: Labels, count: int, edges: Ends) -> Keys:
    """Key of the lightest edge between each two vertices, by number: what becomes of it becomes of the heavier ones.

    ``edges`` are the numbers of those between two. They are sorted by their lower vertex; ``seen`` says where each
    upper one was met last.
    """
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
def _crossing(vertices: Labels, width: int, edges: Ends) -> int:
    """Write down the numbers of the edges between two vertices; how many there are is returned."""
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
    return int(count)


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
