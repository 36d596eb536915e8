"""Ridge boxes: what a region's map shows where."""

import pytest
import torch

from detection.heads.bbox_regression import RidgeBoxes


def test_the_place_of_a_thing_in_the_map_is_in_its_description() -> None:
    boxes = RidgeBoxes(2, channels=4, width=4)
    maps = torch.zeros(2, 4, 7, 7)
    maps[0, 1, :2], maps[1, 1, 5:] = 1, 1  # above; below
    assert torch.allclose(maps[0].mean(dim=(1, 2)), maps[1].mean(dim=(1, 2)))  # all that average pooling leaves
    above, below = boxes.describe(maps)
    assert (above - below).abs().max() > 0.1


@pytest.mark.parametrize("cells", [2, 5, 7])
def test_maps_of_any_size_give_offsets_of_every_class(cells: int) -> None:
    boxes = RidgeBoxes(3, channels=10)
    boxes.linear.weight.data.zero_()
    boxes.linear.bias.data.copy_(torch.arange(12.0))
    assert boxes(torch.zeros(2, 10, cells, cells))[1].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_descriptions_are_scaled() -> None:
    boxes, maps = RidgeBoxes(1, channels=4), torch.rand(2, 4, 7, 7)
    before = boxes.describe(maps)
    boxes.scale.fill_(3.0)
    assert torch.allclose(boxes.describe(maps), 3 * before)
