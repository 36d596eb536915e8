"""Propose, select, score, suppress: each with stand-ins for the others."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from detection.detector import RegionDetector, Selection
from detection.heads.members import Member
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import ScoredRegions
from detection.proposals.base import JSON
from detection.regions.warp import Warp
from detection.structures import Proposals, RGBImage
from detection.suppress import Suppression
from tests.contracts import assert_is_detections, assert_is_detector
from tests.detection.rectangles import CLASSES, CONTEXT, PREPROCESSING, SIZE, narrow_classifier, rectangles, windows

IMAGE = rectangles(1).images[0]
CPU = torch.device("cpu")


class WindowProposer:
    """Windows all over an image; none in one smaller than the smallest window."""

    settings: dict[str, JSON] = {"method": "windows", "version": 1}  # noqa: RUF012  # read only

    def __call__(self, image: RGBImage) -> Proposals:
        return Proposals(windows(image))


class SteadyScorer:
    """Every region is a "red" of 0.5, shifted by ``shift`` pixels; notes what it was asked."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift
        self.asked: list[np.ndarray] = []

    def __call__(self, image: RGBImage, boxes: np.ndarray) -> ScoredRegions:
        self.asked.append(boxes)
        scores = torch.tensor([[0.5, 0.0]]).repeat(len(boxes), 1)
        return ScoredRegions(scores, torch.from_numpy(boxes)[:, None].repeat(1, 2, 1) + self.shift)


def network_detector() -> RegionDetector:
    model = narrow_classifier()
    torch.nn.init.normal_(model.heads.linear.weight, std=1)
    scorer = RegionScorer([Member(model, PREPROCESSING, Warp(SIZE, CONTEXT))], CPU)
    return RegionDetector(CLASSES, WindowProposer(), scorer, suppression=Suppression(floor=0.2))


def test_it_is_a_detector() -> None:
    assert_is_detector(network_detector())


def test_something_is_found_and_the_best_comes_first() -> None:
    found = network_detector().predict(IMAGE)
    assert len(found) > 1
    assert (np.diff(found.scores) <= 0).all()
    assert (found.scores >= 0.2).all()


def test_only_what_scores_the_threshold_is_given_where_there_is_one(tmp_path: Path) -> None:
    detector = network_detector()
    everything = detector.predict(IMAGE)
    bar = float(np.median(everything.scores))
    found = detector.predict(IMAGE, threshold=bar)
    assert 0 < len(found) < len(everything)
    assert np.array_equal(found.scores, everything.scores[everything.scores >= bar])
    PillowImage.fromarray(IMAGE).save(tmp_path / "a.png")
    assert np.array_equal(detector.predict(tmp_path / "a.png", threshold=bar).boxes, found.boxes)


@pytest.mark.parametrize("top", [None, 3])
def test_detections_in_proposals_of_a_fallback_say_so(top: int | None) -> None:
    detector = RegionDetector(CLASSES, WindowProposer(), SteadyScorer(), Selection(top=top))
    assert detector.predict(IMAGE).fallback is None
    assert detector.predict(IMAGE, Proposals(windows(IMAGE), fallback="sliding-grid")).fallback == "sliding-grid"


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (1, 200)])
def test_an_image_smaller_than_a_crop_has_detections_too(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 90, np.uint8)
    whole = Proposals(np.array([[0, 0, size[1], size[0]]], np.float32))
    found = network_detector().predict(image, whole)
    assert_is_detections(found, image, classes=len(CLASSES))
    assert len(found) > 0


def test_without_proposals_nothing_is_found() -> None:
    assert len(network_detector().predict(IMAGE[:10, :10])) == 0
    assert len(network_detector().predict(IMAGE, Proposals(np.zeros((0, 4), np.float32)))) == 0


def test_refined_boxes_are_cut_to_the_image_and_those_outside_are_dropped() -> None:
    detector = RegionDetector(CLASSES, WindowProposer(), SteadyScorer(shift=50))
    found = detector.predict(IMAGE, Proposals([[0, 0, 20, 15], [10, 10, 70, 40], [90, 0, 96, 20]]))
    assert found.boxes.tolist() == [[50, 50, 70, 65], [60, 60, 96, 72]]


def test_proposals_that_are_given_are_used_instead_of_its_own() -> None:
    scorer = SteadyScorer()
    RegionDetector(CLASSES, WindowProposer(), scorer).predict(IMAGE, Proposals([[1, 2, 3, 4]]))
    RegionDetector(CLASSES, WindowProposer(), scorer).predict(IMAGE)
    assert scorer.asked[0].tolist() == [[1, 2, 3, 4]]
    assert np.array_equal(scorer.asked[1], windows(IMAGE))


def test_all_regions_the_first_or_the_chosen_are_scored() -> None:
    asked = []

    def last(image: RGBImage, proposals: Proposals, top: int) -> Proposals:
        asked.append((image is IMAGE, top))
        return proposals[-top:]

    everything = windows(IMAGE)
    for selection, expected in (
        (Selection(), everything),
        (Selection(top=5), everything[:5]),
        (Selection(last, 5), everything[-5:]),
        (Selection(last), everything),
    ):
        scorer = SteadyScorer()
        RegionDetector(CLASSES, WindowProposer(), scorer, selection).predict(IMAGE)
        assert np.array_equal(scorer.asked[0], expected)
    assert asked == [(True, 5)]


def test_suppression_is_as_it_was_asked_for() -> None:
    boxes = Proposals([[0, 0, 20, 20], [2, 0, 22, 20], [40, 40, 60, 60]])
    for suppression, count in ((Suppression(), 2), (Suppression(overlap=0.9), 3), (Suppression(per_image=1), 1)):
        detector = RegionDetector(CLASSES, WindowProposer(), SteadyScorer(), suppression=suppression)
        assert len(detector.predict(IMAGE, boxes)) == count
    nothing = RegionDetector(CLASSES, WindowProposer(), SteadyScorer(), suppression=Suppression(floor=0.6))
    assert len(nothing.predict(IMAGE, boxes)) == 0
