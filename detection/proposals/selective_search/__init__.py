"""Selective search (Uijlings et al., IJCV 2013): region proposals by grouping superpixels, from the papers, in Numba.

An image descends through the files in this order: ``colour`` (colour spaces), ``smoothing``, ``edges``, ``sifting``,
``joining``, ``contraction`` and ``segmentation`` (superpixels), ``features`` and ``regions`` (what is known of each),
``grouping``, ``nodes`` and ``merging`` (the hierarchy), ``order`` (which box comes first). ``modes`` holds the
published parameters and ``engine`` the proposer; ``distinct`` and ``arithmetic`` serve several files, and ``kernel``
compiles the loops.
"""

from detection.proposals.selective_search.engine import OutOfTimeError, SelectiveSearch
from detection.proposals.selective_search.modes import MODES

__all__ = ["MODES", "OutOfTimeError", "SelectiveSearch"]
