import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.average_precision import area_under_envelope, recall_precision
from detection.evaluation.judgement import judge
from detection.evaluation.operating_points import best_f1, recall_precision_curves, thinned
from detection.evaluation.tables import tables
from detection.evaluation.voc import VOC10
from tests.detection.evaluation.random_case import CLASSES, objects_of, random_case, table
from tests.golden.cases import voc_case

SEEDS = st.integers(0, 10**6)


def area_of_corners(recall, precision) -> float:
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def test_by_hand():
    """Right at .9 and .7, wrong at .8, then wrong: of three objects F1 is 2/4, 2/5, 4/6, 4/7."""
    boxes = [(0, 0, 10, 10), (50, 50, 60, 60), (20, 0, 30, 10), (70, 70, 80, 80)]
    found = table(*((0, 0, score, *box) for score, box in zip((0.9, 0.8, 0.7, 0.6), boxes, strict=True)))
    truth = objects_of((0, 0, *boxes[0]), (0, 0, *boxes[2]), (1, 0, *boxes[0]))
    point = best_f1(judge(VOC10, found, truth, ["a"]))["a"]
    assert (point.threshold, point.precision, point.recall, point.f1) == pytest.approx((0.7, 2 / 3, 2 / 3, 2 / 3))


def test_without_objects_or_without_success_there_is_no_threshold():
    found = table((0, 0, 0.9, 50, 50, 60, 60), (0, 1, 0.9, 50, 50, 60, 60))
    points = best_f1(judge(VOC10, found, objects_of((0, 0, 0, 0, 9, 9)), ["a", "b"]))
    assert all(np.isnan(point.threshold) for point in points.values())
    assert points["a"].summary() == dict.fromkeys(("threshold", "precision", "recall", "f1"))


@settings(max_examples=25)
@given(seed=SEEDS)
def test_no_other_threshold_is_better(seed):
    judgement = judge(VOC10, *random_case(seed), CLASSES)
    for label, point in enumerate(best_f1(judgement).values()):
        best = (0.0, np.nan)
        of_class = judgement.detections.labels == label
        for threshold in sorted(set(judgement.detections.scores[of_class].tolist()), reverse=True):
            counted = judgement.verdicts[of_class & (judgement.detections.scores >= threshold)]
            found, wrong = int((counted == 1).sum()), int((counted == 0).sum())
            total = found + wrong + int(judgement.positives[label])
            if judgement.positives[label] and 2 * found / total > best[0]:
                best = (2 * found / total, threshold)
        np.testing.assert_equal(point.threshold, best[1])


@settings(max_examples=25)
@given(verdicts=st.lists(st.sampled_from([1, 0, -1]), max_size=60), missed=st.integers(0, 5))
def test_corners_hold_the_whole_envelope(verdicts, missed):
    positives = max(sum(verdict == 1 for verdict in verdicts) + missed, 1)
    curve = recall_precision(np.array(verdicts, np.int8), positives)
    corners = thinned(*curve)
    assert area_of_corners(*corners) == pytest.approx(area_under_envelope(*curve), abs=1e-12)
    assert (np.diff(corners[0]) > 0).all()
    assert (np.diff(corners[1]) < 0).all()


@settings(max_examples=30)
@given(seed=SEEDS)
def test_many_corners_are_thinned_from_below(seed):
    random = np.random.default_rng(seed)
    verdicts = (random.random(20000) < np.linspace(1, 0, 20000)).astype(np.int8)
    curve = recall_precision(verdicts, 12000)
    whole, few = thinned(*curve, most=10**6), thinned(*curve, most=200)
    assert len(whole[0]) > 200 >= len(few[0])
    places = np.searchsorted(few[0], whole[0])
    assert places.max() < len(few[0])  # the end of the curve is kept
    assert (few[1][places] <= whole[1] + 1e-12).all()
    assert area_of_corners(*few) == pytest.approx(area_of_corners(*whole), abs=1 / 199)


def test_curves_of_the_golden_detections():
    case = voc_case("voc")
    judgement = judge(VOC10, *tables(case.predictions, case.targets), case.class_names)
    areas = [area_of_corners(*curve) for curve in recall_precision_curves(judgement).values()]
    np.testing.assert_allclose(areas, np.nan_to_num(judgement.average_precisions), atol=1e-12)
