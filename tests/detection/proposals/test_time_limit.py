import time

import numpy as np
import pytest

from detection.proposals.fixed import SlidingGrid
from detection.proposals.store import ProposalStore
from detection.proposals.time_limit import TimeLimited
from detection.structures import Proposals
from tests.contracts import assert_is_proposer

IMAGE = np.zeros((50, 70, 3), np.uint8)


class Search:
    """It takes some seconds of a clock that is only read."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.deadlines = []
        self.settings = {"method": "search", "version": 1}

    def __call__(self, image, deadline=None):
        self.deadlines.append(deadline)
        if deadline is not None and time.monotonic() + self.seconds > deadline:
            raise TimeoutError("out of time")
        return Proposals(np.array([[0, 0, 1, 1]], np.float32))


def test_a_limited_search_is_a_proposer_whether_it_is_in_time_or_not():
    for seconds in (0, 99):
        assert_is_proposer(TimeLimited(Search(seconds), 60, SlidingGrid()))


def test_in_time_the_boxes_are_the_search_s_own():
    found = TimeLimited(Search(), 60, SlidingGrid())(IMAGE)
    assert found.boxes.tolist() == [[0, 0, 1, 1]]
    assert found.fallback is None


def test_out_of_time_the_fallback_s_boxes_carry_its_name():
    found = TimeLimited(Search(99), 60, SlidingGrid())(IMAGE)
    assert np.array_equal(found.boxes, SlidingGrid()(IMAGE).boxes)
    assert found.fallback == found[:3].fallback == "sliding-grid"


def test_the_deadline_is_counted_from_the_call():
    search = Search()
    limited = TimeLimited(search, 5, SlidingGrid())
    began = time.monotonic()
    limited(IMAGE)
    limited(IMAGE)
    first, second = search.deadlines
    assert began + 5 <= first <= second <= time.monotonic() + 5


def test_a_limit_is_no_setting():
    assert TimeLimited(Search(), 5, SlidingGrid()).settings == Search().settings


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_limit_that_leaves_no_time_is_refused(seconds):
    with pytest.raises(ValueError, match="above 0 seconds"):
        TimeLimited(Search(), seconds, SlidingGrid())


def test_a_store_keeps_no_fallback_and_searches_again(tmp_path, photos, caplog):
    slow = ProposalStore(tmp_path / "store", TimeLimited(Search(99), 60, SlidingGrid()))
    assert {one.fallback for one in slow.fill(photos)} == {"sliding-grid"}
    assert "8 of 8 photos took too long and have the boxes of sliding-grid" in caplog.text
    assert not list(slow.folder.rglob("*.proposals"))
    quick = ProposalStore(tmp_path / "store", TimeLimited(Search(), 60, SlidingGrid()))
    assert {one.fallback for one in quick.fill(photos)} == {None}
    kept = ProposalStore(tmp_path / "store", Search(99))
    assert kept.folder == slow.folder
    assert [one.boxes.tolist() for one in kept.fill(photos)] == [[[0, 0, 1, 1]]] * 8
