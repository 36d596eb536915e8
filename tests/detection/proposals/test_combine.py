import dataclasses

import numpy as np
import pytest

from detection.proposals.combine import Union
from detection.proposals.fixed import SlidingGrid
from detection.proposals.selective_search import SelectiveSearch
from detection.structures import Proposals
from tests.contracts import assert_is_proposer

IMAGE = np.zeros((100, 100, 3), np.uint8)


@dataclasses.dataclass(frozen=True)
class Given:
    """A proposer of one list of boxes, each a square of some side at some corner."""

    corners: tuple[float, ...]
    side: float = 10
    fallback: str | None = None

    @property
    def settings(self):
        return {"method": f"given-{self.side:g}", "version": 1}

    def __call__(self, image):
        boxes = np.array([[at, at, at + self.side, at + self.side] for at in self.corners], np.float32).reshape(-1, 4)
        return Proposals(boxes, np.linspace(9, 8, len(boxes), dtype=np.float32), self.fallback)


def corners(proposals):
    return proposals.boxes[:, 0].tolist()


def test_a_union_is_a_proposer():
    assert_is_proposer(Union((SelectiveSearch(width=60), SlidingGrid())))
    assert_is_proposer(Union((SlidingGrid(), SlidingGrid(overlap=0.7)), overlap=0.8))


def test_the_first_of_each_part_come_first_and_the_longer_part_has_the_rest():
    found = Union((Given((0, 1, 2, 3, 4)), Given((50, 51))))(IMAGE)
    assert corners(found) == [0, 50, 1, 51, 2, 3, 4]
    assert found.scores.tolist() == [0, 0, -1, -1, -2, -3, -4]


def test_a_box_of_two_parts_comes_once_at_its_better_place():
    found = Union((Given((0, 1, 2)), Given((7, 0, 2)), Given((2,))))(IMAGE)
    assert corners(found) == [0, 7, 2, 1]


def test_nothing_is_lost_and_nothing_is_made_up():
    search, grid = SelectiveSearch(width=60), SlidingGrid()
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    both = {tuple(box) for part in (search, grid) for box in part(image).boxes.tolist()}
    found = Union((search, grid))(image).boxes.tolist()
    assert len(found) == len(both)
    assert {tuple(box) for box in found} == both


@pytest.mark.parametrize("empty", [(Given(()), Given((3, 4))), (Given((3, 4)), Given(()))])
def test_a_part_may_find_nothing(empty):
    assert corners(Union(empty)(IMAGE)) == [3, 4]
    assert len(Union((Given(()), Given(())))(IMAGE)) == 0


def test_with_an_overlap_no_box_covers_one_before_it():
    parts = Given((0, 20, 1)), Given((5, 40))  # 0 and 1 overlap by 81 / 119, 0 and 5 by 25 / 175
    assert corners(Union(parts, overlap=0.5)(IMAGE)) == [0, 5, 20, 40]
    assert corners(Union(parts, overlap=0.7)(IMAGE)) == [0, 5, 20, 40, 1]


def test_an_overlap_of_one_drops_only_duplicates():
    parts = Given((0, 20, 1)), Given((5, 20))
    assert corners(Union(parts, overlap=1.0)(IMAGE)) == corners(Union(parts)(IMAGE)) == [0, 5, 20, 1]


def test_settings_name_the_parts_in_their_order():
    first, second = Given((0,)), Given((0,), side=20)
    settings = Union((first, second)).settings
    assert settings["method"] == "given-10+given-20"
    assert settings["parts"] == [first.settings, second.settings]
    assert settings != Union((second, first)).settings
    assert settings != Union((first, second), overlap=0.9).settings


def test_a_part_that_fell_back_is_told():
    assert Union((Given((0,), fallback="grid"), Given((1,))))(IMAGE).fallback == "grid"
    assert Union((Given((0,)), Given((1,))))(IMAGE).fallback is None


def test_a_union_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="two parts or more, got 1"):
        Union((Given((0,)),))
    with pytest.raises(ValueError, match=r"overlap must lie in \[0, 1\], got 1\.5"):
        Union((Given((0,)), Given((1,))), overlap=1.5)
