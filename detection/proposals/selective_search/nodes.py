"""What a hierarchy is made in: arrays of nodes, of contacts, and a queue."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.features import Histograms
from detection.proposals.selective_search.regions import Extents, Sizes

Numbers = NDArray[np.int32]
Floats = NDArray[np.float64]


class Measure(NamedTuple):
    """What the similarity of two regions is the sum of."""

    channels: int
    colours: int  # the leading columns of the histograms that count colours; the others count gradients
    size: bool
    fill: bool
    pixels: int  # of the image


class Nodes(NamedTuple):
    """The regions of a hierarchy: those it begins with, then each merger as it is made; 2R rows, the last unused.

    A merger takes over the row of its first part in ``counts`` and ``profiles``, which have R rows.
    """

    sizes: Sizes
    extents: Extents
    rows: NDArray[np.int64]
    counts: Histograms
    profiles: Histograms  # the share of each bin, in fixed point


class Fates(NamedTuple):
    """What became of each node. These are columns of one array: what belongs to a node is in one place of memory."""

    merged_into: Numbers  # itself, as long as it is not part of another
    met_by: Numbers  # the last merger that it touched
    gain: Floats  # how much more similar to any node that of which it became part can be, at most


class Contacts(NamedTuple):
    """Who touched whom when a node was made: a linked list for each; a merger's is those of its parts, joined.

    The first three are columns of one array.
    """

    node: Numbers  # the other end of each contact
    following: Numbers  # the next contact of the same node
    similarity: Floats  # of both then; where negative, it was not computed, and is not more than that without the sign
    first: Numbers  # of each node
    last: Numbers


class Queue(NamedTuple):
    """A binary heap of nodes and of how similar the most similar older neighbour of each is; ``older`` says which."""

    newer: Numbers
    similarity: Floats
    older: Numbers  # rows are those of nodes
