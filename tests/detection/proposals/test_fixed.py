import numpy as np
import pytest

from detection.proposals.fixed import SlidingGrid
from tests.contracts import assert_is_proposer


def test_the_grid_is_a_proposer():
    assert_is_proposer(SlidingGrid())


def test_windows_lie_at_regular_places():
    boxes = SlidingGrid(sizes=(0.5,), aspects=(1.0,), overlap=0.5)(np.zeros((40, 80, 3), np.uint8)).boxes
    assert boxes[0].tolist() == [0, 0, 80, 40]
    assert (boxes[1:, 2:] - boxes[1:, :2] == [40, 20]).all()
    assert boxes[1:, :2].tolist() == [[x, y] for y in (0, 10, 20) for x in (0, 20, 40)]


def test_every_place_is_covered_and_no_window_comes_twice():
    boxes = SlidingGrid()(np.zeros((30, 50, 3), np.uint8)).boxes
    assert len(np.unique(boxes, axis=0)) == len(boxes) > 100
    smallest = boxes[boxes[:, 2] - boxes[:, 0] < 10]
    covered = np.zeros((30, 50), bool)
    for x1, y1, x2, y2 in smallest:
        covered[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = True
    assert covered.all()


@pytest.mark.parametrize("options", [{"sizes": (0.0,)}, {"sizes": (1.5,)}, {"aspects": (-1.0,)}, {"overlap": 1.0}])
def test_a_grid_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="must lie in"):
        SlidingGrid(**options)
