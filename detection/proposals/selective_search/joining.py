"""The edges of the pixel graph that every scale decides alike, gone through from the lightest.

The smallest ``k`` decides; the components that an edge leaves apart are closed from then on (see ``contraction``).

A large image is gone through in tiles that fit the cache, and the result is that of going through it at once. For
whatever touches another tile is put off, and so, from then on, is all that depends on it: the pixels at a tile's border
are *pending* from the beginning, an edge of a pending component is put off, and the component at its other end becomes
pending too, unless it is closed and nothing can happen to it. What is not pending has met all of its edges so far, in
their order. In the end the edges put off are gone through in theirs.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.edges import Keys, Weights
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.sifting import Forest, Tile, sift
from detection.proposals.selective_search.smoothing import Planes

Labels = NDArray[np.int32]
Node = np.uint32  # unsigned: an index that cannot be negative needs no test for it, and these loops are all look-ups
Place = np.uint64

PENDING = np.int32(-(2**29))  # added to the root of a pending component; images have fewer pixels
CLOSED = np.int32(-(2**30))  # added to that of a closed one
BLOCK = 64  # edges whose components are looked up together
SIDE = 512  # pixels of a tile at most


def join(weights: Planes, k: float) -> tuple[Labels, NDArray[np.int32], Weights]:
    """The component of each pixel (HW,), and the pixels and the heaviest edge of each component.

    ``weights`` are framed (2, H + 2, W).

    What a small image takes is one piece of memory, and a large one for a reason: having once got it back, glibc keeps
    as much at hand from then on, and pages are not asked for anew with every image, which would take as long as the
    sorting.
    """
    height, width = weights.shape[1] - 2, weights.shape[2]
    tiles = _tiles(height, width)
    largest = max((tile.bottom - tile.top) * (tile.right - tile.left) for tile in tiles)
    memory = np.empty(4 * largest + height * width, np.uint64)
    of_keys = memory[: 4 * largest].reshape(2, -1)
    forest, bits = memory[4 * largest :].view(np.int32).reshape(2, -1)
    forest[:], bits[:] = -1, 0
    heaviest = bits.view(np.float32)
    put_off = np.empty(0 if len(tiles) == 1 else 2 * height * width, np.uint64)  # of which little is ever touched
    count = 0
    for tile in tiles:
        keys = sift(weights, k, tile, of_keys, forest, heaviest)
        _make_pending(forest, tile, height, width)
        count = _decide(keys, forest, heaviest, Node(width), np.float32(k), put_off, count)
        if len(tiles) > 1:
            _end_pending(forest, tile, height, width)
    put_off = put_off[:count]
    put_off.sort()
    _decide(put_off, forest, heaviest, Node(width), np.float32(k), put_off, 0)
    return _number(forest, heaviest)


def _tiles(height: int, width: int) -> list[Tile]:
    """Tiles of nearly the same size, row by row."""
    rows = np.linspace(0, height, -(-height // SIDE) + 1).astype(int).tolist()
    columns = np.linspace(0, width, -(-width // SIDE) + 1).astype(int).tolist()
    return [
        Tile(top, bottom, left, right)
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
    ]


@kernel
def _make_pending(forest: Forest, tile: Tile, height: int, width: int) -> None:
    """The components of all pixels with a neighbour outside the tile."""
    for y in range(tile.top, tile.bottom):
        if tile.left > 0:
            _make_one_pending(forest, Node(y * width + tile.left))
        if tile.right < width:
            _make_one_pending(forest, Node(y * width + tile.right - 1))
    for x in range(tile.left, tile.right):
        if tile.top > 0:
            _make_one_pending(forest, Node(tile.top * width + x))
        if tile.bottom < height:
            _make_one_pending(forest, Node((tile.bottom - 1) * width + x))


@kernel
def _make_one_pending(forest: Forest, pixel: Node) -> None:
    root = _root(forest, pixel)
    forest[root] = _pending(forest[root])


@kernel
def _end_pending(forest: Forest, tile: Tile, height: int, width: int) -> None:
    """What the tile has left pending: roots in it, in the row and the column after it, and of pixels at its border."""
    last_row, last_column = min(tile.bottom, height - 1), min(tile.right, width - 1)
    for y in range(tile.top, last_row + 1):
        for x in range(tile.left, last_column + 1):
            _end_one_pending(forest, Node(y * width + x))
        _end_one_pending(forest, _root(forest, Node(y * width + tile.left)))
        _end_one_pending(forest, _root(forest, Node(y * width + last_column)))
    for x in range(tile.left, last_column + 1):
        _end_one_pending(forest, _root(forest, Node(tile.top * width + x)))
        _end_one_pending(forest, _root(forest, Node(last_row * width + x)))


@kernel
def _end_one_pending(forest: Forest, node: Node) -> None:
    up = forest[node]
    forest[node] = np.int32(up - PENDING) if CLOSED < up <= PENDING else up


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
def _decide(
    keys: Keys, forest: Forest, heaviest: Weights, width: Node, k: np.float32, put_off: Keys, count: int
) -> int:
    """Join, or close, from the lightest, or put off; how many edges are put off by then is returned.

    A component's limit is its heaviest edge plus ``k`` over its pixels. Which way an edge is decided no processor could
    guess, so between joining and closing there is no branch: both write to the same places.
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
            if CLOSED < at_root <= PENDING or CLOSED < at_other <= PENDING:
                forest[root], forest[other] = _pending(at_root), _pending(at_other)
                put_off[Place(count)] = keys[Place(start + i)]
                count += 1
                continue
            weight = weights[Place(start + i)]
            accepted = (
                (min(at_root, at_other) > CLOSED)
                & (weight <= heaviest[root] + k / np.float32(-at_root))
                & (weight <= heaviest[other] + k / np.float32(-at_other))
            )
            forest[root] = at_root + at_other if accepted else _closed(at_root)
            forest[other] = np.int32(root) if accepted else _closed(at_other)
            heaviest[root] = weight if accepted else heaviest[root]
    return count


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
def _pending(at_root: np.int32) -> np.int32:
    """Neither a pending nor a closed component becomes pending."""
    return np.int32(at_root + PENDING) if at_root > PENDING else at_root


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
