"""The look at the whole image that chooses regions."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from detection.boxes import iou
from detection.proposals.ranking import RankingSettings, RegionRanker, RegionSelector, resize_longest
from detection.structures import Proposals, RGBImage

CPU = torch.device("cpu")
SETTINGS = RankingSettings(image_size=64, stride=8, channels=3, cells=2, width=4, hidden=6)


def trunk(images: Tensor) -> Tensor:
    """A network whose map is the image at an eighth."""
    return F.avg_pool2d(images.float(), 8)


class RedRanker(RegionRanker):
    """Takes for an object what has much red in its middle."""

    def forward(self, feature_map: Tensor, boxes: Tensor) -> Tensor:
        column, row = ((boxes[:, :2] + boxes[:, 2:]) / 2 / self.settings.stride).long().unbind(dim=1)
        red = feature_map[0, 0, row, column] / 255
        return torch.stack([1 - red, red, red / 2], dim=1)


def selector(ranker: RegionRanker, look: Callable[[Tensor], Tensor] = trunk) -> RegionSelector:
    return RegionSelector(look, ranker, lambda images: images, CPU)


def photo() -> RGBImage:
    """128 x 96, red on the right."""
    image = np.zeros((96, 128, 3), np.uint8)
    image[:, 64:, 0] = 255
    return image


LEFT, RIGHT, NEAR_RIGHT = [0, 0, 48, 64], [72, 16, 120, 80], [73, 16, 121, 80]


def test_what_looks_like_an_object_comes_first() -> None:
    chosen = selector(RedRanker(2, SETTINGS))(photo(), Proposals([LEFT, RIGHT]), 1)
    assert chosen.boxes.tolist() == [RIGHT]
    red, other = np.exp(1.0), np.exp(0.0) + np.exp(0.5)
    assert chosen.scores.tolist() == pytest.approx([1 - np.exp(0.0) / (red + other)])


def test_a_region_that_covers_a_better_one_is_skipped() -> None:
    proposals = Proposals([RIGHT, NEAR_RIGHT, LEFT])
    assert selector(RedRanker(2, SETTINGS))(photo(), proposals, 2).boxes.tolist() == [RIGHT, LEFT]


def test_the_choice_is_some_of_the_proposals_by_falling_score() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 60, (200, 2))
    proposals = Proposals(np.concatenate([corners, corners + random.uniform(4, 60, (200, 2))], axis=1))
    torch.manual_seed(0)
    chosen = selector(RegionRanker(2, SETTINGS))(photo(), proposals, 50)
    given = {tuple(box) for box in proposals.boxes.tolist()}
    assert len(chosen) == 50
    assert {tuple(box) for box in chosen.boxes.tolist()} <= given
    assert (np.diff(chosen.scores) <= 0).all()
    overlaps = iou(chosen.boxes, chosen.boxes)
    assert (overlaps[~np.eye(50, dtype=bool)] <= SETTINGS.overlap + 1e-6).all()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_more_than_are_wanted_are_left_as_they_are(count: int) -> None:
    proposals = Proposals(np.array([RIGHT, NEAR_RIGHT], np.float32)[:count])

    def never(images: Tensor) -> Tensor:
        raise AssertionError("there is nothing to choose")

    assert selector(RedRanker(2, SETTINGS), never)(photo(), proposals, 2) is proposals


def test_the_same_image_is_chosen_from_alike_at_any_size() -> None:
    """Boxes are in the frame of the image, whatever size is looked at."""
    large = np.repeat(np.repeat(photo(), 3, axis=0), 3, axis=1)
    proposals = Proposals(np.array([LEFT, RIGHT], np.float32) * 3)
    chosen = selector(RedRanker(2, SETTINGS))(large, proposals, 1)
    assert chosen.boxes.tolist() == [[3 * side for side in RIGHT]]


def test_a_ranker_answers_for_every_region() -> None:
    ranker, feature_map = RegionRanker(2, SETTINGS), torch.rand(1, 3, 6, 8)
    boxes = torch.tensor([[0.0, 0, 64, 48], [-5, -5, 3, 3], [60, 40, 64, 48]])
    assert ranker(feature_map, boxes).shape == (3, 3)
    assert ranker(feature_map, boxes[:0]).shape == (0, 3)
    assert torch.allclose(ranker(feature_map, boxes)[1:2], ranker(feature_map, boxes[1:2]), atol=1e-6)


def test_a_ranker_sees_what_is_around_a_region() -> None:
    torch.manual_seed(0)
    ranker, box = RegionRanker(2, SETTINGS), torch.tensor([[16.0, 16, 48, 32]])
    feature_map = torch.rand(1, 3, 6, 8)
    inside, around = feature_map.clone(), feature_map.clone()
    inside[..., 2:4, 2:6] += 1
    around[..., 1, 2] += 5  # the region begins at row 2
    assert not torch.allclose(ranker(inside, box), ranker(feature_map, box), atol=1e-4)
    assert not torch.allclose(ranker(around, box), ranker(feature_map, box), atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "expected", "factor"),
    [((96, 128), (48, 64), 0.5), ((10, 5), (64, 32), 6.4), ((64, 64), (64, 64), 1), ((1, 300), (1, 64), 64 / 300)],
)
def test_the_longer_side_is_what_was_asked_for(shape: tuple, expected: tuple, factor: float) -> None:
    small, applied = resize_longest(np.full((*shape, 3), 9, np.uint8), 64)
    assert small.shape == (*expected, 3)
    assert (small == 9).all()
    assert applied == pytest.approx(factor)
