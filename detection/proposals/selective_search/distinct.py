"""Which of many numbers are the first of their value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.kernel import kernel

Codes = NDArray[np.uint64]
NO_CODE = np.uint64(2**64 - 1)
KNUTH = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: the multiplier of a multiplicative hash


@kernel
def first_of_each(codes: Codes) -> NDArray[np.int64]:
    """Places of the first of each distinct code, ascending; a code may be anything but 2^64 - 1."""
    places = np.empty(codes.size, np.int64)
    table = np.full(1024, NO_CODE)  # a power of two, at most half full
    count = 0
    for i in range(codes.size):
        slot = _slot(table, codes[i])
        if table[slot] == NO_CODE:
            table[slot] = codes[i]
            places[count] = i
            count += 1
            if 2 * count > table.size:
                table = _larger(table)
    return places[:count].copy()


@kernel
def _slot(table: Codes, code: np.uint64) -> np.uint64:
    """Where a code stands in the table, or would stand: open addressing."""
    last = np.uint64(table.size - 1)
    slot = (code * KNUTH >> np.uint64(20)) & last
    while table[slot] != NO_CODE and table[slot] != code:
        slot = (slot + np.uint64(1)) & last
    return slot


@kernel
def _larger(table: Codes) -> Codes:
    larger = np.full(4 * table.size, NO_CODE)
    for code in table:
        if code != NO_CODE:
            larger[_slot(larger, code)] = code
    return larger
