"""Where MultiBox looks: the typical boxes of the training objects, found by k-means on their corners.

MultiBox predicts each of its boxes relative to such a prior (arXiv 1312.2249). Corners are shares of the image's width
and height, so that one set of priors serves images of every size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes

MOST_BOXES = 4_000  # that are clustered: more change the clusters little, and take long
COPIES = 4  # of every box, moved and resized: a few hundred photos do not hold every place and size
SHIFT, STRETCH = 0.1, 0.25  # their spread: of a centre as a share of the image, of the logarithm of a side
ROUNDS = 30

Points = NDArray[np.float64]  # (N, D)


def fit_priors(boxes: Boxes, count: int, seed: int = 0) -> Boxes:
    """At most ``count`` typical boxes (P, 4) of ``boxes`` (N, 4), corners in [0, 1]; fewer where fewer differ.

    Mirror images of the boxes are clustered with them, and copies that are moved and resized a little.
    """
    random = np.random.default_rng(seed)
    boxes = boxes[random.permutation(len(boxes))[:MOST_BOXES]]
    mirrored = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)
    known = np.concatenate([boxes, mirrored]).astype(np.float64)
    everything = np.concatenate([known, *(_moved(known, random) for _ in range(COPIES))])
    return kmeans(everything, count, random).astype(np.float32)


def kmeans(points: Points, count: int, random: np.random.Generator) -> Points:
    """The centres (at most ``count``, D) of points (N, D): k-means++, then Lloyd's rounds until nothing changes."""
    if not len(points):
        return points
    centres = _spread_out(points, count, random)
    nearest = np.full(len(points), -1)
    for _ in range(ROUNDS):
        previous, nearest = nearest, _nearest(points, centres)
        if np.array_equal(nearest, previous):
            break
        sizes = np.bincount(nearest, minlength=len(centres))
        sums = np.stack([np.bincount(nearest, column, len(centres)) for column in points.T], axis=1)
        # a centre that lost all its points stays where it is
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    return centres


def _spread_out(points: Points, count: int, random: np.random.Generator) -> Points:
    """Points far from one another: each is drawn with the square of its distance to those drawn before (k-means++)."""
    chosen = [points[random.integers(len(points))]]
    distances = np.full(len(points), np.inf)
    while len(chosen) < count:
        distances = np.minimum(distances, np.square(points - chosen[-1]).sum(axis=1))
        if not distances.any():  # every point is a centre
            break
        chosen.append(points[random.choice(len(points), p=distances / distances.sum())])
    return np.array(chosen)


def _nearest(points: Points, centres: Points) -> NDArray[np.int64]:
    """The row of the nearest centre for every point (N,), a few thousand points at a time."""
    lengths = np.square(centres).sum(axis=1)
    parts = np.array_split(points, len(points) // 4096 + 1)
    return np.concatenate([(lengths - 2 * part @ centres.T).argmin(axis=1) for part in parts])


def _moved(boxes: Points, random: np.random.Generator) -> Points:
    """Boxes somewhere near and of another size, cut to the image; those of which less than half is left are dropped."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 + random.normal(0, SHIFT, (len(boxes), 2))
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.exp(random.normal(0, STRETCH, (len(boxes), 2)))
    inside = np.concatenate([centre - half, centre + half], axis=1).clip(0, 1)
    left = (inside[:, 2:] - inside[:, :2]).prod(axis=1) / (2 * half).prod(axis=1)
    return np.asarray(inside[left >= 0.5])
