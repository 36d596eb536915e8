import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.average_precision import hundred_and_one_points
from detection.evaluation.coco import coco
from detection.evaluation.coco_half import judge_coco_half
from detection.evaluation.ilsvrc import ILSVRC
from detection.evaluation.judgement import judge, mean_of_defined
from detection.evaluation.matching import IGNORED, TRUE_POSITIVE, match
from detection.evaluation.tables import tables
from detection.evaluation.voc import VOC07, VOC10
from detection.structures import Target
from tests.detection.evaluation.random_case import CLASSES, IMAGES, objects_of, random_case, table
from tests.golden.cases import ilsvrc_case, voc_case

RULES = pytest.mark.parametrize("rules", [VOC07, VOC10, ILSVRC], ids=lambda rules: rules.name)
SEEDS = st.integers(0, 10**6)


def golden(name):
    return voc_case(name) if name.startswith("voc") else ilsvrc_case(name)


@RULES
@pytest.mark.parametrize("name", ["voc", "voc_synthetic", "ties", "edge"])
def test_figures_and_curves_say_what_the_verdicts_say(rules, name):
    case = golden(name)
    detections, objects = tables(case.predictions, case.targets)
    judgement = judge(rules, detections, objects, case.class_names, blacklist=case.blacklist)
    answer = judgement.evaluation()
    results = list(answer.classes.values())
    np.testing.assert_array_equal(judgement.average_precisions, [one.ap for one in results])
    assert judgement.positives.tolist() == [one.positives for one in results]
    assert judgement.mean_ap == pytest.approx(answer.mean_ap, abs=1e-12)
    right = np.bincount(detections.labels[judgement.verdicts == TRUE_POSITIVE], minlength=len(results))
    ends = [one.recall[-1] * one.positives if one.detections and one.positives else 0 for one in results]
    np.testing.assert_allclose(ends, right, atol=1e-9)


@RULES
@settings(max_examples=20)
@given(seed=SEEDS)
def test_each_class_is_matched_by_itself(rules, seed):
    detections, objects = random_case(seed)
    judgement = judge(rules, detections, objects, CLASSES)
    for label, ranked in enumerate(judgement.ranked_by_class):
        rows = np.flatnonzero(objects.labels == label)
        alone = match(detections[ranked], objects[rows], rules.bars(objects.boxes[rows]), best_free=rules.best_free)
        assert judgement.verdicts[ranked].tolist() == alone.verdicts.tolist()
        assert judgement.met[ranked].tolist() == [-1 if place < 0 else rows[place] for place in alone.objects]


def test_blacklisted_detections_are_ignored_and_their_objects_not_sought():
    truth = objects_of((0, 0, 0, 0, 9, 9), (1, 0, 0, 0, 9, 9))
    found = table((0, 0, 0.9, 0, 0, 9, 9), (1, 0, 0.8, 0, 0, 9, 9), (1, 0, 0.7, 50, 50, 60, 60))
    judgement = judge(VOC10, found, truth, ["a"], blacklist=[(1, 0)])
    assert judgement.verdicts.tolist() == [1, IGNORED, IGNORED]
    assert judgement.sought.tolist() == judgement.found.tolist() == [True, False]


def test_only_the_best_of_an_image_and_class_count():
    boxes = [(0, 0, 0.1 * score, 0, 0, 9, 9) for score in (5, 9, 7, 8)]
    other = [(0, 1, 0.1, 0, 0, 9, 9), (1, 0, 0.1, 0, 0, 9, 9)]
    judgement = judge(VOC10, table(*boxes, *other), objects_of(), ["a", "b"], most=2)
    assert judgement.verdicts.tolist() == [IGNORED, 0, IGNORED, 0, 0, 0]


def test_a_label_beyond_the_classes_is_refused():
    with pytest.raises(ValueError, match="label 1 among 1 classes"):
        judge(VOC10, table((0, 1, 0.5, 0, 0, 1, 1)), objects_of(), ["a"])


def test_the_mean_leaves_out_what_is_undefined():
    assert mean_of_defined(np.array([np.nan, 0.5, 1.0])) == 0.75
    assert np.isnan(mean_of_defined(np.array([np.nan])))


@pytest.mark.parametrize("name", ["voc", "voc_synthetic", "edge"])
def test_coco_half_is_ap50_of_coco(name):
    case = golden(name)
    detections, objects = tables(case.predictions, case.targets)
    judgement = judge_coco_half(detections, objects, case.class_names, np.zeros(len(objects), bool))
    expected = [one.figures["AP50"] for one in coco(detections, case.targets, case.class_names).classes.values()]
    np.testing.assert_allclose(judgement.average_precisions, expected, rtol=0, atol=1e-12)


@settings(max_examples=20)
@given(seed=SEEDS, crowded=st.booleans())
def test_coco_half_knows_crowds_and_difficult_objects(seed, crowded):
    """Ignored objects are all crowds or all difficult: no data set has both."""
    found, truth = random_case(seed)
    targets = []
    for image in range(IMAGES):
        here = truth[truth.images == image]
        flags = {"crowd" if crowded else "difficult": here.ignored}
        targets.append(Target(here.boxes, here.labels, **flags))
    detections, objects = tables(found, targets)
    crowd = objects.ignored if crowded else np.zeros(len(objects), bool)
    judgement = judge_coco_half(detections, objects, CLASSES, crowd)
    expected = [one.figures["AP50"] for one in coco(detections, targets, CLASSES).classes.values()]
    expected = np.where(judgement.positives > 0, expected, np.nan)
    np.testing.assert_allclose(judgement.average_precisions, expected, rtol=0, atol=1e-12)


def test_a_crowd_excuses_what_lies_in_it_by_half():
    truth = objects_of((0, 0, 0, 0, 100, 100), ignored=[0])
    found = table(*((0, 0, 0.5, left, 0, left + 20, 10) for left in (90, 91, 0, 10)))
    judgement = judge_coco_half(found, truth, ["a"], np.ones(1, bool))
    assert judgement.verdicts.tolist() == [IGNORED, 0, IGNORED, IGNORED]
    assert judgement.met.tolist() == [0, -1, 0, 0]


def test_a_hundred_detections_count_in_coco():
    truth = objects_of((0, 0, 0, 0, 9, 9))
    rows = [(0, 0, 1 - place / 1000, 50, 50, 60, 60) for place in range(100)]
    judgement = judge_coco_half(table(*rows, (0, 0, 0.1, 0, 0, 9, 9)), truth, ["a"], np.zeros(1, bool))
    assert judgement.verdicts[-1] == IGNORED
    assert judgement.mean_ap == 0


def test_a_hundred_and_one_points():
    """Recall 1/2 is reached at precision 1 and 1 at 2/4: points 0 to .50 have 1, those after it 1/2."""
    recall, precision = np.array([0.5, 0.5, 0.5, 1.0]), np.array([1, 1 / 2, 1 / 3, 1 / 2])
    assert hundred_and_one_points(recall, precision) == pytest.approx((51 + 50 * 0.5) / 101)
    assert hundred_and_one_points(np.zeros(0), np.zeros(0)) == 0
