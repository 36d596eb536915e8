"""Which box comes first: hierarchies interleaved, large regions early, the rest by a seeded number.

Uijlings et al. (IJCV 2013), section 4: a region's rank in its hierarchy, 1 for the whole image, times a random number.
The numbers are SplitMix64's, so that a seed means the same order on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes
from detection.proposals.selective_search.distinct import Codes, first_of_each
from detection.proposals.selective_search.regions import Extents

SEED_STRIDE = 1_000_003  # the numbers of seed s are those of seed 0 from place s * SEED_STRIDE on


def in_order(hierarchies: Sequence[Extents], seed: int) -> tuple[Boxes, NDArray[np.float32]]:
    """Distinct boxes (R, 4) of hierarchies, half-open, the best first, and their scores: minus rank times number."""
    extents = np.concatenate(hierarchies)
    ranks = np.concatenate([np.arange(len(nodes), 0, -1) for nodes in hierarchies])
    priorities = ranks * uniform(len(ranks), seed)
    order = np.argsort(priorities, kind="stable")
    order = order[first_of_each(_codes(extents[order]))]
    boxes = extents[order].astype(np.float32)
    boxes[:, 2:] += 1
    return boxes, -priorities[order].astype(np.float32)


def uniform(count: int, seed: int) -> NDArray[np.float64]:
    """``count`` numbers in [0, 1), by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        state = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed * SEED_STRIDE % 2**64)
        z = state * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _codes(extents: Extents) -> Codes:
    """A number for each box; a side has at most 65,535 pixels, and the last of them is 65,534."""
    codes = np.zeros(len(extents), np.uint64)
    for side in extents.T:
        codes = codes << np.uint64(16) | side.astype(np.uint64)
    return codes
