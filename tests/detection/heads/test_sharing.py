"""Crops and first layers that members have in common."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from backbone.googlenet import GoogLeNet
from detection.heads import sharing
from detection.heads.members import Member
from detection.heads.region_classifier import RegionClassifier
from detection.heads.region_scorer import RegionScorer
from detection.heads.sharing import shared_stages
from detection.regions.crops import crop_regions
from detection.regions.warp import Warp
from detection.structures import RGBImage
from tests.detection.heads.test_region_scorer import BOXES, CPU, IMAGE, WARP, scorer, stirred
from tests.detection.rectangles import PREPROCESSING


def member(model: RegionClassifier) -> Member:
    return Member(model, PREPROCESSING, WARP)


def branched(model: RegionClassifier, last: str) -> RegionClassifier:
    """A network with the same stages up to ``last``, and others after it."""
    other = stirred(9)
    assert isinstance(model.backbone, GoogLeNet)
    assert isinstance(other.backbone, GoogLeNet)
    for name in GoogLeNet.STAGES[: GoogLeNet.STAGES.index(last) + 1]:
        other.backbone.stage(name).load_state_dict(model.backbone.stage(name).state_dict())
    return other


@pytest.mark.parametrize("last", ["stem", "4a", "5b"])
def test_stages_that_members_share_are_run_once(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = stirred(1)
    other = branched(model, last)
    expected = [scorer(one).raw(IMAGE, BOXES)[0] for one in (model, other)]
    assert (expected[0].softmax - expected[1].softmax).abs().max() > 0.01
    runs = []
    stem = type(model.backbone.stem).forward

    def counted(self: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        runs.append(len(x))
        return stem(self, x)

    monkeypatch.setattr(type(model.backbone.stem), "forward", counted)
    together = scorer(model, other)
    assert together.sharers[0].stages[-1] == last
    for one, alone in zip(together.raw(IMAGE, BOXES), expected, strict=True):
        assert torch.equal(one.softmax, alone.softmax)
        assert torch.equal(one.learned, alone.learned)
    assert sum(runs) == len(BOXES)


def test_what_differs_is_not_shared() -> None:
    model = stirred(1)
    plain = member(model)
    assert shared_stages([plain]) == []
    assert shared_stages([plain, member(stirred(2))]) == []
    assert shared_stages([plain, replace(plain, preprocessing=replace(PREPROCESSING, mean=(1.0, 2.0, 3.0)))]) == []
    without_lrn = deepcopy(model)
    without_lrn.backbone.options = replace(model.backbone.options, normalisation="none")
    assert shared_stages([plain, member(without_lrn)]) == []
    almost = deepcopy(model)
    with torch.no_grad():
        next(almost.backbone.stage("3b").parameters()).view(-1)[0] += 1e-3
    assert shared_stages([plain, plain, member(almost)]) == ["stem", "3a"]


def test_members_that_cut_regions_otherwise_have_crops_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    models = [stirred(seed) for seed in (1, 2, 3)]
    wide = replace(WARP, context=WARP.context + 8)
    members = [member(models[0]), replace(member(models[1]), warp=wide), member(models[2])]
    expected = [RegionScorer([one], CPU).raw(IMAGE, BOXES)[0] for one in members]
    assert (expected[1].softmax - scorer(models[1]).raw(IMAGE, BOXES)[0].softmax).abs().max() > 1e-4
    cut = []

    def counted(image: RGBImage, boxes: np.ndarray, warp: Warp, device: torch.device) -> torch.Tensor:
        cut.append(warp)
        return crop_regions(image, boxes, warp, device)

    monkeypatch.setattr(sharing, "crop_regions", counted)
    for one, alone in zip(RegionScorer(members, CPU).raw(IMAGE, BOXES), expected, strict=True):
        assert torch.allclose(one.softmax, alone.softmax, atol=1e-5)
    assert cut == [WARP, wide]
