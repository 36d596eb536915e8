"""Boxes that are looked at again."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from detection.detector import Suppression, detections_of
from detection.heads.members import Member
from detection.heads.region_classifier import RegionClassifier
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import RawScores, ScoredRegions, Scoring, averaged
from detection.heads.second_look import FLOOR, Looks, second_looks, with_second_look
from tests.detection.heads.test_region_scorer import BOXES, CPU, IMAGE, WARP, stirred
from tests.detection.rectangles import PREPROCESSING

SIZE = (100, 200)  # height, width
FAR = [[10.0 * n, 50.0, 10.0 * n + 8, 58.0] for n in range(4)]


def scored(scores: list[list[float]], boxes: list[list[float]]) -> ScoredRegions:
    """Boxes that all classes share."""
    return ScoredRegions(torch.tensor(scores), torch.tensor(boxes)[:, None].repeat(1, len(scores[0]), 1))


def test_the_best_boxes_of_all_classes_are_looked_at_again() -> None:
    looks = second_looks(scored([[0.2, 0.5], [0.3, 0.0], [0.04, 0.9], [0.0, 0.0]], FAR), SIZE, 3)
    assert looks.rows.tolist() == [2, 0, 1]
    assert looks.labels.tolist() == [1, 1, 0]
    assert looks.boxes.tolist() == [FAR[2], FAR[0], FAR[1]]


def test_unlikely_boxes_are_not() -> None:
    assert second_looks(scored([[FLOOR], [FLOOR * 0.99]], FAR[:2]), SIZE, 9).rows.tolist() == [0]


def test_of_boxes_that_cover_one_another_the_best_of_each_class_is() -> None:
    boxes = [[0.0, 0, 50, 50], [0.0, 0, 50, 45], [0.0, 0, 50, 20]]
    looks = second_looks(scored([[0.5, 0.1], [0.6, 0.05], [0.4, 0.01]], boxes), SIZE, 9)
    assert [(row, label) for row, label in zip(looks.rows.tolist(), looks.labels.tolist(), strict=True)] == [
        (1, 0),
        (2, 0),
        (0, 1),
    ]


def test_boxes_end_at_the_border_and_slivers_are_left_out() -> None:
    boxes = [[-20.0, 90, 30, 130], [199.5, 0, 260, 50], [300.0, 0, 350, 50]]
    assert second_looks(scored([[0.9], [0.9], [0.9]], boxes), SIZE, 9).boxes.tolist() == [[0, 90, 30, 100]]


def test_a_box_counts_for_its_class_with_the_mean_of_both_scores() -> None:
    first = scored([[0.2, 0.8], [0.6, 0.1]], FAR[:2])
    looks = second_looks(first, SIZE, 2)
    again = scored([[0.7, 0.4], [0.2, 0.9]], FAR[2:])
    both = with_second_look(first, looks, again)
    assert torch.equal(both.scores[:2], first.scores)
    assert torch.allclose(both.scores[2:], torch.tensor([[0.0, 0.6], [0.4, 0.0]]))
    assert both.boxes[2, 1].tolist() == FAR[2]
    assert both.boxes[3, 0].tolist() == FAR[3]
    everything = Suppression(overlap=1.0, floor=0.0)
    assert len(detections_of(both, SIZE, everything)) == 4 + 2  # nothing for the other class


def test_nothing_is_looked_at_again_where_nothing_is_likely() -> None:
    first = scored([[0.01, 0.02]], FAR[:1])
    looks = second_looks(first, SIZE, 5)
    assert looks.boxes.shape == (0, 4)
    both = with_second_look(first, looks, ScoredRegions(torch.zeros(0, 2), torch.zeros(0, 2, 4)))
    assert torch.equal(both.scores, first.scores)


def member(model: RegionClassifier) -> Member:
    return Member(model, PREPROCESSING, WARP)


def by_hand(models: list[RegionClassifier], count: int) -> tuple[ScoredRegions, Looks]:
    """A second look, step by step."""
    scorer = RegionScorer([member(model) for model in models], CPU)
    plain = Scoring()
    raw = scorer.raw(IMAGE, BOXES)
    looks = second_looks(plain(raw[0], BOXES), IMAGE.shape[:2], count)
    moved = looks.boxes.numpy()
    each = [
        with_second_look(plain(one, BOXES), looks, plain(again, moved))
        for one, again in zip(raw, scorer.raw(IMAGE, moved), strict=True)
    ]
    return averaged(each), looks


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_a_scorer_looks_again_at_what_its_first_member_chose(seeds: tuple[int, ...]) -> None:
    models = [stirred(seed) for seed in seeds]
    found = RegionScorer([member(model) for model in models], CPU, scoring=Scoring(second_look=5))(IMAGE, BOXES)
    expected, looks = by_hand(models, 5)
    assert 1 <= len(looks.rows) <= 5
    assert found.scores.shape == (len(BOXES) + len(looks.rows), 2)
    assert torch.allclose(found.scores, expected.scores, atol=1e-5)
    assert torch.allclose(found.boxes, expected.boxes, atol=1e-2)


@pytest.mark.parametrize("scoring", [Scoring(box_regression="none"), Scoring()], ids=["not asked for", "not trained"])
def test_boxes_that_were_not_moved_are_not_looked_at_again(scoring: Scoring) -> None:
    model = stirred(1, box_regression=scoring.box_regression == "none")
    for look in (scoring, replace(scoring, second_look=5)):
        scores, _ = RegionScorer([member(model)], CPU, scoring=look)(IMAGE, BOXES)
        assert len(scores) == len(BOXES)


def test_an_image_without_regions_has_nothing_to_look_at_again() -> None:
    scorer = RegionScorer([member(stirred(1))], CPU, scoring=Scoring(second_look=5))
    assert scorer(IMAGE, np.zeros((0, 4), np.float32)).scores.shape == (0, 2)


def test_moved_boxes_may_be_the_ridge_s() -> None:
    raw = RawScores(torch.zeros(1, 2), ridge=torch.zeros(1, 2, 4))
    looks = Scoring(second_look=1, box_regression="ridge"), Scoring(second_look=1), Scoring(box_regression="ridge")
    assert [scoring.looks_again(raw) for scoring in looks] == [True, False, False]
