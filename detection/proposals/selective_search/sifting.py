"""Which edges of the pixel graph have to be gone through one by one: less than half of them.

An edge lighter than all six that it meets is decided before any of them, and finds two single pixels: it joins them
here, if it is no heavier than ``k``.

The heaviest side of a square of four pixels decides nothing. By then each of the other three lies inside a component or
has closed both of its own (see ``contraction``): so the ends of the heaviest are in one component, or both closed.

"Lighter" is the order of the edges: between equal weights, the number decides. A downward edge comes after the equal
ones across, and either kind after the equal one before it or to its near side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.edges import Keys, Weights, ascending
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.smoothing import Planes

Forest = NDArray[np.int32]  # the parent of each node, or, at a root, minus the pixels below it
Bits = NDArray[np.int32]  # of weights, which sort as they do
Mask = NDArray[np.int32]  # 1 or 0
Place = np.uint64

INFINITY = np.int32(0x7F800000)  # its bits


class Tile(NamedTuple):
    """A rectangle of pixels, half-open."""

    top: int
    bottom: int
    left: int
    right: int


def sift(weights: Planes, k: float, tile: Tile, memory: Keys, forest: Forest, heaviest: Weights) -> Keys:
    """Keys of the edges that are left, of those to the right of a tile's pixels and below them, in ascending order.

    ``weights`` are framed (2, H + 2, W). What is joined is noted in ``forest`` (HW,), to begin with all -1, and, at its
    roots, in ``heaviest``, the heaviest edge inside, all 0. The keys are part of ``memory``, two rows for two keys a
    pixel of the tile.
    """
    keys, other = memory
    count = _sift(weights.view(np.int32), np.float32(k), tile, keys, forest, heaviest.view(np.int32))
    return ascending(keys[:count], other[:count])


@kernel
def _sift(weights: Bits, k: np.float32, tile: Tile, keys: Keys, forest: Forest, heaviest: Bits) -> int:
    """Fill in the last three; the number of keys is returned. Rightward edges go first, then downward ones."""
    top, bottom, left, right = tile
    width = weights.shape[2]
    height = weights.shape[1] - 2
    size = right - left
    most = np.float32(k).view(np.int32)
    light, heavy, kept = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    crossing = np.empty(size, np.int32)
    count = Place(0)
    for down in range(2):
        along, across = (width, 1) if down else (1, width)
        own, cross = weights[down].reshape(-1), weights[1 - down].reshape(-1)
        for y in range(top, min(bottom, height - down)):
            here = (y + 1) * width + left
            row = own[here : here + size]
            near, far = cross[here - across :], cross[here:]  # those that cross on one side, and on the other
            heavy[:] = 0
            _mark_heaviest(row, own[here - across :], near, near[along:], (1, down), heavy)
            _mark_heaviest(row, own[here + across :], far, far[along:], (0, down), heavy)
            _lightest(near, near[along:], far, far[along:], crossing)
            _mark_lightest(row, own[here - along :], own[here + along :], crossing, down, light)
            for x in range(size):
                light[x] &= np.int32(row[x] <= most)
                kept[x] = np.int32(row[x] < INFINITY) & (1 - (heavy[x] | light[x]))
            pixel = y * width + left
            first = Place(down * height * width + pixel)
            for x in range(size):
                keys[count] = Place(row[x]) << Place(32) | first + Place(x)
                count += Place(kept[x])
            _join_single(light, row, forest[pixel:], heaviest[pixel:])
            _hang(light[: size - (right == width and not down)], forest[pixel + along :], pixel)
    return int(count)


@kernel
def _mark_heaviest(edges: Bits, opposite: Bits, a: Bits, b: Bits, ties: tuple[int, int], heavy: Mask) -> None:
    """Mark edges heavier than the other three sides of a square.

    ``ties``: 1 where they come after an equal edge opposite, and where they come after equal ones across; else 0.
    """
    of_opposite, of_crossing = np.int32(ties[0]), np.int32(ties[1])
    for x in range(edges.size):
        crossing = np.int32(edges[x] + of_crossing)
        heavy[x] |= np.int32((np.int32(edges[x] + of_opposite) > opposite[x]) & (crossing > a[x]) & (crossing > b[x]))


@kernel
def _lightest(a: Bits, b: Bits, c: Bits, d: Bits, lightest: Bits) -> None:
    """The least of four, in a loop of its own: one that reads more arrays would not be vectorised."""
    for x in range(lightest.size):
        lightest[x] = min(a[x], b[x], c[x], d[x])


@kernel
def _mark_lightest(edges: Bits, before: Bits, after: Bits, crossing: Bits, down: int, light: Mask) -> None:
    """Mark edges lighter than all that they meet; ``crossing`` is the lightest of those across."""
    tie = np.int32(down)
    for x in range(edges.size):
        light[x] = (edges[x] < before[x]) & (edges[x] <= after[x]) & (np.int32(edges[x] + tie) <= crossing[x])


@kernel
def _join_single(light: Mask, row: Bits, forest: Forest, heaviest: Bits) -> None:
    """Make roots of two pixels, with the weight of their edge, of those to the left of or above a light edge."""
    for x in range(row.size):
        forest[x] -= light[x]
        heaviest[x] |= row[x] & -light[x]


@kernel
def _hang(light: Mask, forest: Forest, pixel: int) -> None:
    """Hang the other pixels of such edges below them: from -1 to the number of the pixel."""
    for x in range(light.size):
        forest[x] += np.int32(pixel + x + 1) & -light[x]
