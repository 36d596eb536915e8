"""All that a network says, and the detector's own scores made of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from detection.build.detector import build_scorer, whole_member
from detection.build.model_file import DetectorModel, Scorers
from detection.config import Config
from detection.heads.bbox_regression import RidgeBoxes
from detection.heads.context import PhotoContext
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import Scoring, averaged
from detection.heads.svm import SvmScorer
from tests.detection.build.models import model
from tests.detection.rectangles import CLASSES, rectangles, windows

CPU = torch.device("cpu")
IMAGE = rectangles(1).images[0]
BOXES = windows(IMAGE)[:7]


def fitted(seed: int) -> DetectorModel:
    """A detector with everything that can be fitted on its features."""
    plain = model(seed)
    width = plain.network.feature_width
    parts = Scorers(SvmScorer(len(CLASSES), width), RidgeBoxes(len(CLASSES), width), PhotoContext(len(CLASSES), width))
    for part in parts.present().values():
        for parameter in part.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return replace(plain, scorers=parts)


MODELS = [fitted(1), fitted(2)]


def raw(models: list[DetectorModel], boxes: np.ndarray = BOXES, batch_size: int = 64):
    members = [whole_member(one, CPU) for one in models]
    scorer = RegionScorer(members, CPU, batch_size)
    return [one.kept() for one in scorer.raw(IMAGE, boxes)]


@pytest.mark.parametrize("scores", ["softmax", "svm"])
@pytest.mark.parametrize("box_regression", ["none", "learned", "ridge"])
@pytest.mark.parametrize("context", [0.0, 0.7])
def test_every_way_of_scoring_is_the_detector_s_own(scores: str, box_regression: str, context: float) -> None:
    detection = {"scores": scores, "box_regression": box_regression, "context": context}
    config = Config.model_validate({**MODELS[0].config.model_dump(mode="json"), "detection": detection})
    models = [replace(one, config=config) for one in MODELS]
    own = build_scorer(models, CPU)(IMAGE, BOXES)
    scoring = Scoring(**detection)
    stored = averaged([scoring(one, BOXES) for one in raw(models)])
    assert torch.allclose(stored.scores, own.scores, atol=1e-6)
    assert torch.allclose(stored.boxes, own.boxes, atol=1e-3)
    assert own.scores.std() > 0.001


@pytest.mark.parametrize("box_regression", ["learned", "ridge"])
def test_a_region_counts_by_how_well_it_lay(box_regression: str) -> None:
    (said,) = raw(MODELS[:1])
    plain = Scoring(box_regression=box_regression)(said, BOXES)
    confident = Scoring(box_regression=box_regression, localisation_confidence=0.5)(said, BOXES)
    assert torch.equal(confident.boxes, plain.boxes)
    for label in range(len(CLASSES)):
        overlaps = box_iou(torch.from_numpy(BOXES), plain.boxes[:, label]).diagonal()
        assert torch.allclose(confident.scores[:, label], plain.scores[:, label] * overlaps.sqrt(), atol=1e-6)
    assert not torch.equal(confident.scores, plain.scores)


def test_where_no_box_is_moved_all_regions_lay_well() -> None:
    (said,) = raw(MODELS[:1])
    confident = Scoring(box_regression="none", localisation_confidence=0.5)(said, BOXES)
    assert torch.equal(confident.scores, said.softmax)


def test_batches_of_any_size_say_the_same() -> None:
    (together,), (apart,) = raw(MODELS[:1]), raw(MODELS[:1], batch_size=3)
    for one, other in zip(together, apart, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_no_regions_have_shapes_all_the_same() -> None:
    (nothing,) = raw(MODELS[:1], BOXES[:0])
    assert [tuple(part.shape) for part in nothing] == [(0, 2), (0, 2), (0, 2, 4), (0, 2, 4), (2,)]
    scored = Scoring()(nothing, BOXES[:0])
    assert (scored.scores.shape, scored.boxes.shape) == ((0, 2), (0, 2, 4))


@pytest.mark.parametrize("detection", [{"scores": "svm"}, {"box_regression": "ridge"}, {"context": 0.5}], ids=str)
def test_what_was_not_fitted_is_told(detection: dict) -> None:
    (plain,) = raw([model(1)])
    (key,) = detection
    with pytest.raises(ValueError, match=rf"{key}=.* needs what tools/refine\.py fits"):
        Scoring(**detection)(plain, BOXES)


def test_without_box_regression_the_regions_are_the_boxes() -> None:
    (plain,) = raw([model(1)])
    boxes = Scoring()(plain._replace(learned=None), BOXES).boxes
    assert torch.equal(boxes, torch.from_numpy(BOXES)[:, None].expand(-1, 2, 4))
