import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detection.proposals.entry import DamagedEntryError, pack, unpack
from detection.structures import Proposals

SEAL = b"engine/photo"
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


def proposals(count):
    random = np.random.default_rng(count)
    boxes = random.integers(0, 500, (count, 4)).astype(np.float32) * np.float32(640 / 500)
    return Proposals(boxes, -np.sort(random.exponential(size=count)).astype(np.float32))


@given(st.integers(0, 20).flatmap(lambda n: st.tuples(arrays("f4", (n, 4), elements=finite), arrays("f4", n))))
def test_proposals_come_back_bit_for_bit(columns):
    boxes, scores = columns
    found = unpack(pack(Proposals(boxes, scores), SEAL), SEAL)
    assert (found.boxes == boxes).all()
    assert found.boxes.shape == boxes.shape
    assert found.scores.tobytes() == scores.tobytes()


def test_more_distinct_coordinates_than_16_bits_hold():
    boxes = np.arange(80_000, dtype=np.float32).reshape(-1, 4)
    assert (unpack(pack(Proposals(boxes), SEAL), SEAL).boxes == boxes).all()


def test_an_entry_is_small_and_the_same_each_time():
    many = proposals(2000)
    assert len(pack(many, SEAL)) < 9 * 2000 < many.boxes.nbytes
    assert pack(many, SEAL) == pack(many, SEAL)


def test_an_entry_has_the_same_bytes_on_every_machine():
    corners = np.arange(300, dtype=np.float32)[:, None] * [0.5, 0.25, 1, 2] + [0, 0, 300.5, 200.25]
    entry = pack(Proposals(corners, -np.sqrt(np.arange(300, dtype=np.float32))), SEAL)
    assert len(entry) == 4481
    assert hashlib.sha256(entry).hexdigest()[:16] == "aa774ab293233674"


def test_no_damaged_entry_opens():
    entry = pack(proposals(3), SEAL)
    for place in range(len(entry)):
        with pytest.raises(DamagedEntryError):
            unpack(entry[:place], SEAL)
        with pytest.raises(DamagedEntryError):
            unpack(entry[:place] + bytes([entry[place] ^ 0x10]) + entry[place + 1 :], SEAL)
    with pytest.raises(DamagedEntryError):
        unpack(entry + b"\0", SEAL)


def test_an_entry_opens_with_its_seal_alone():
    with pytest.raises(DamagedEntryError, match="checksum"):
        unpack(pack(proposals(3), SEAL), b"engine/another photo")
