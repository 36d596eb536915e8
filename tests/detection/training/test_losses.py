"""The losses of three crops, worked out by hand."""

import math

import pytest
import torch

from detection.heads.region_classifier import RegionScores
from detection.training.losses import region_losses

LOGITS = torch.tensor([[0.0, 0, 0], [1, 2, 0], [0, 0, math.log(2)]])
CLASSES = torch.tensor([0, 1, 2])
REGIONS = torch.tensor([[0.0, 0, 10, 10]] * 3)
MATCHES = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 20, 10]])


def test_three_crops_by_hand() -> None:
    """Crop 1 is 0.1 of a region to the right: offset 1 of the scale 0.1. Crop 2 is twice as wide: 5 ln 2, shifted 5."""
    offsets = torch.zeros(3, 2, 4)
    offsets[0] = 100  # background: no one looks
    offsets[1, 1] = 100  # another class
    offsets[1, 0, 0] = 0.5  # half of what is wanted
    losses = region_losses(RegionScores(LOGITS, offsets, LOGITS), CLASSES, REGIONS, MATCHES)
    softmax = [1 / 3, math.exp(2) / (math.exp(1) + math.exp(2) + 1), 0.5]
    assert losses.classification.item() == pytest.approx(-sum(map(math.log, softmax)) / 3)
    smooth = [0.5**2 / 2, (5 - 0.5) + (5 * math.log(2) - 0.5)]  # quadratic below 1, then linear
    assert losses.boxes.item() == pytest.approx(sum(smooth) / 3)


def test_right_offsets_cost_nothing() -> None:
    offsets = torch.zeros(3, 2, 4)
    offsets[1, 0] = torch.tensor([1.0, 0, 0, 0])
    offsets[2, 1] = torch.tensor([5, 0, 5 * math.log(2), 0])
    assert region_losses(RegionScores(LOGITS, offsets, LOGITS), CLASSES, REGIONS, MATCHES).boxes.item() < 1e-10


@pytest.mark.parametrize("offsets", [None, torch.ones(3, 2, 4)])
def test_background_alone_has_no_box_loss(offsets: torch.Tensor | None) -> None:
    logits = LOGITS.clone().requires_grad_()
    losses = region_losses(RegionScores(logits, offsets, logits), torch.zeros(3, dtype=torch.long), REGIONS, MATCHES)
    assert losses.boxes.item() == 0
    (losses.classification + losses.boxes).backward()
    assert logits.grad is not None


def test_without_box_regression_there_is_no_box_loss() -> None:
    assert region_losses(RegionScores(LOGITS, None, LOGITS), CLASSES, REGIONS, MATCHES).boxes.item() == 0
