"""Reading a store without what made its boxes."""

import logging

import numpy as np
import pytest
from PIL import Image

from detection.proposals.fixed import SlidingGrid
from detection.proposals.precomputed import PrecomputedBoxes
from detection.proposals.store import ProposalStore, one_method, stored


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((30, 40, 3), 7, np.uint8)).save(path)
    return path


def test_boxes_are_those_that_were_kept(photo, tmp_path, monkeypatch):
    store = ProposalStore(tmp_path / "store", SlidingGrid())
    assert stored(store.folder, photo) is None
    made = store.proposals(photo)
    monkeypatch.chdir(store.folder)
    for folder in (one_method(tmp_path / "store"), one_method(store.folder), one_method(type(photo)())):
        found = stored(folder, photo)
        assert found is not None
        np.testing.assert_array_equal(found.boxes, made.boxes)


def test_a_damaged_entry_is_none(photo, tmp_path, caplog):
    store = ProposalStore(tmp_path / "store", SlidingGrid())
    store.proposals(photo)
    next(store.folder.glob("*/*.proposals")).write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert stored(store.folder, photo) is None
    assert caplog.messages == []


def test_a_photo_that_is_not_there_is_told(tmp_path):
    folder = ProposalStore(tmp_path / "store", SlidingGrid()).folder
    with pytest.raises(FileNotFoundError, match=r"no image file .*gone\.png"):
        stored(folder, tmp_path / "gone.png")


def test_one_method_is_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a proposals store"):
        one_method(tmp_path)
    for proposer in (SlidingGrid(), PrecomputedBoxes()):
        ProposalStore(tmp_path, proposer)
    with pytest.raises(ValueError, match=r"holds proposals of 2 kinds; name the folder of one: .*precomputed-.*grid-"):
        one_method(tmp_path)


def test_of_several_methods_the_one_that_has_the_photos_is_taken(photo, tmp_path):
    grid = ProposalStore(tmp_path / "store", SlidingGrid())
    ProposalStore(tmp_path / "store", PrecomputedBoxes())
    grid.proposals(photo)
    other = photo.with_name("other.png")
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(other)
    assert one_method(tmp_path / "store", [photo]) == grid.folder
    with pytest.raises(ValueError, match=r"precomputed-\w+ \(0 of the 2 photos\), .*grid-\w+ \(1 of the 2 photos\)"):
        one_method(tmp_path / "store", [photo, other])
