"""Scores of regions, by one network and by several."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from detection.heads.box_coding import decode_boxes
from detection.heads.members import Member
from detection.heads.region_classifier import RegionClassifier, RegionHeads
from detection.heads.region_scorer import RegionScorer
from detection.regions.crops import crop_regions
from detection.regions.warp import Warp
from tests.detection.rectangles import (
    CELLS,
    CONTEXT,
    PREPROCESSING,
    SIZE,
    narrow_classifier,
    narrow_network,
    rectangles,
    windows,
)

CPU = torch.device("cpu")
WARP = Warp(SIZE, CONTEXT)
IMAGE = rectangles(1).images[0]
BOXES = windows(IMAGE)[:7]


def stirred(seed: int, *, box_regression: bool = True) -> RegionClassifier:
    """A classifier whose new layers have something to say."""
    model = narrow_classifier(seed, box_regression=box_regression)
    for parameter in model.heads.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def test_a_batch_that_the_memory_does_not_hold_is_halved(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = stirred(0)
    whole = scorer(model)(IMAGE, BOXES)
    small = scorer(model, batch_size=7)
    look = Member.look

    def look_at_few(self: Member, maps: torch.Tensor, regions: torch.Tensor) -> object:
        if len(regions) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return look(self, maps, regions)

    monkeypatch.setattr(Member, "look", look_at_few)
    most = 2
    assert torch.allclose(small(IMAGE, BOXES).scores, whole.scores, atol=1e-5)
    assert small.batch_size == 1  # 7, 3, 1
    assert caplog.messages[-1].endswith("from here on 1 crops at once")
    most = 0
    with pytest.raises(torch.OutOfMemoryError):
        small(IMAGE, BOXES)


def scorer(*models: RegionClassifier, batch_size: int = 64) -> RegionScorer:
    return RegionScorer([Member(model, PREPROCESSING, WARP) for model in models], CPU, batch_size)


@torch.inference_mode()
def by_hand(model: RegionClassifier) -> tuple[torch.Tensor, torch.Tensor]:
    output = model(PREPROCESSING.normalise(crop_regions(IMAGE, BOXES, WARP, CPU)))
    return output.logits.softmax(dim=1)[:, 1:], decode_boxes(output.offsets, torch.from_numpy(BOXES))


def test_one_network_gives_its_softmax_without_the_background() -> None:
    model = stirred(1)
    scores, boxes = scorer(model)(IMAGE, BOXES)
    expected_scores, expected_boxes = by_hand(model)
    assert torch.allclose(scores, expected_scores, atol=1e-6)
    assert torch.allclose(boxes, expected_boxes, atol=1e-3)
    assert scores.std() > 0.01


def test_two_networks_give_the_mean_of_their_scores_and_boxes() -> None:
    models = stirred(1), stirred(2)
    scores, boxes = scorer(*models)(IMAGE, BOXES)
    expected = [by_hand(model) for model in models]
    assert (expected[0][0] - expected[1][0]).abs().max() > 0.05
    assert torch.allclose(scores, (expected[0][0] + expected[1][0]) / 2, atol=1e-6)
    assert torch.allclose(boxes, (expected[0][1] + expected[1][1]) / 2, atol=1e-3)


def test_every_member_has_its_own_preprocessing() -> None:
    model = stirred(1)
    blind = replace(PREPROCESSING, scale=(1e12, 1e12, 1e12))
    members = [Member(model, PREPROCESSING, WARP), Member(model, blind, WARP)]
    scores, _ = RegionScorer(members, CPU)(IMAGE, BOXES)
    with torch.inference_mode():
        of_nothing = model(torch.zeros(1, 3, SIZE, SIZE)).logits.softmax(dim=1)[:, 1:]
    assert torch.allclose(scores, (by_hand(model)[0] + of_nothing) / 2, atol=1e-6)


def test_regions_are_scored_alike_in_batches_of_any_size() -> None:
    model = stirred(1)
    together = scorer(model)(IMAGE, BOXES)
    for batch_size in (1, 3, 7):
        apart = scorer(model, batch_size=batch_size)(IMAGE, BOXES)
        assert torch.allclose(apart.scores, together.scores, atol=1e-5)
        assert torch.allclose(apart.boxes, together.boxes, atol=1e-3)


def test_without_box_regression_every_class_has_the_region() -> None:
    scores, boxes = scorer(stirred(1, box_regression=False))(IMAGE, BOXES)
    assert torch.equal(boxes, torch.from_numpy(BOXES)[:, None].expand(-1, 2, 4))
    assert scores.shape == (7, 2)


def test_no_regions_have_no_scores() -> None:
    scores, boxes = scorer(stirred(1))(IMAGE, np.zeros((0, 4), np.float32))
    assert scores.shape == (0, 2)
    assert boxes.shape == (0, 2, 4)


def test_members_that_know_other_numbers_of_classes_are_refused() -> None:
    network = narrow_network()
    other = RegionClassifier(network, RegionHeads(5, network.feature_width, cells=CELLS))
    with pytest.raises(ValueError, match="must know the same classes"):
        scorer(stirred(1), other)
