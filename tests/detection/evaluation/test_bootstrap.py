import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.bootstrap import (
    Interval,
    bootstrap,
    drawn,
    mean_of_classes,
    resampled,
    weighted_average_precisions,
)
from detection.evaluation.coco_half import COCO_HALF
from detection.evaluation.ilsvrc import ILSVRC
from detection.evaluation.judgement import judge
from detection.evaluation.tables import DetectionTable, ObjectTable, tables
from detection.evaluation.voc import VOC07, VOC10
from tests.detection.evaluation.random_case import CLASSES, IMAGES, objects_of, random_case, table
from tests.golden.cases import voc_case

RULES = pytest.mark.parametrize("rules", [VOC07, VOC10, ILSVRC, COCO_HALF], ids=lambda rules: rules.name)


def replicated(detections, objects, times) -> tuple[DetectionTable, ObjectTable]:
    """The data set with every image as often as ``times`` says, its copies side by side."""
    first = np.cumsum(times) - times
    result = []
    for rows in (detections, objects):
        again = np.repeat(np.arange(len(rows)), times[rows.images])
        copy = np.concatenate([np.zeros(0, np.int64), *(np.arange(times[image]) for image in rows.images)])
        part = rows[again]
        columns = {**vars(part), "images": first[part.images] + copy}
        result.append(type(rows)(**columns))
    return result[0], result[1]


@RULES
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), times=st.lists(st.integers(0, 3), min_size=IMAGES, max_size=IMAGES))
def test_a_weight_is_that_many_copies(rules, seed, times):
    # copies of equal scores in one image would rank image by image, not side by side, where ties go by image
    detections, objects = random_case(seed, ties=not rules.ties_by_image)
    weights = np.array(times)
    weighted = weighted_average_precisions(judge(rules, detections, objects, CLASSES), weights[:, None])[:, 0]
    copied = judge(rules, *replicated(detections, objects, weights), CLASSES).evaluation()
    np.testing.assert_allclose(weighted, [one.ap for one in copied.classes.values()], rtol=0, atol=1e-12)


def test_every_resample_draws_as_many_images():
    weights = np.concatenate(list(drawn(7, 250, seed=1)), axis=1)
    assert weights.shape == (7, 250)
    assert (weights.sum(axis=0) == 7).all()
    assert abs(weights.mean(axis=1) - 1).max() < 0.3


def test_the_same_seed_gives_the_same_intervals():
    judgement = judge(VOC10, *random_case(5), CLASSES)
    assert bootstrap(judgement, IMAGES, samples=50).summary() == bootstrap(judgement, IMAGES, samples=50).summary()
    other = bootstrap(judgement, IMAGES, samples=50, seed=1)
    assert bootstrap(judgement, IMAGES, samples=50).summary() != other.summary()


def test_intervals_of_the_golden_detections():
    case = voc_case("voc")
    judgement = judge(VOC10, *tables(case.predictions, case.targets), case.class_names)
    intervals = bootstrap(judgement, len(case.targets), samples=200)
    assert intervals.mean_ap.value == judgement.mean_ap
    for name in ("bus", "car", "cat", "person", "train"):
        interval = intervals.classes[name]
        assert interval.low < interval.value < interval.high
        assert 0.02 < interval.high - interval.low < 0.25
    assert np.isnan(intervals.classes["bird"].low)  # no object of it


def test_an_interval_of_a_mean_ap_lies_within_what_a_mean_ap_can_be():
    """The percentiles about a small value would reach below 0."""
    wrong = [(10 + image, 0, 0.9, 50, 50, 60, 60) for image in range(20)]
    detections = table(*wrong, (0, 0, 0.1, 0, 0, 9, 9))
    judgement = judge(VOC10, detections, objects_of((0, 0, 0, 0, 9, 9), (1, 0, 0, 0, 9, 9)), ["a"])
    intervals = bootstrap(judgement, 30)
    for interval in (intervals.mean_ap, intervals.classes["a"]):
        assert interval.low == 0 < interval.value < interval.high <= 1
    assert Interval(0.95, 0.9, 1.02).of_a_share() == Interval(0.95, 0.9, 1.0)
    assert np.isnan(Interval(*[float("nan")] * 3).of_a_share().low)


def test_images_without_anything_count_too():
    """Among more empty images the only object is drawn less often; where it is drawn, its AP is 1."""
    judgement = judge(VOC10, table((0, 0, 0.5, 0, 0, 9, 9)), objects_of((0, 0, 0, 0, 9, 9)), ["a"])
    values = resampled(judgement, 2, samples=400, seed=0)[0]
    assert set(values[~np.isnan(values)]) == {1.0}
    assert np.isnan(values).mean() == pytest.approx(1 / 4, abs=0.08)


def test_a_mean_over_the_classes_of_a_resample():
    values = np.array([[0.5, np.nan, np.nan], [1.0, 0.25, np.nan]])
    np.testing.assert_array_equal(mean_of_classes(values), [0.75, 0.25, np.nan])


def test_percentiles():
    interval = Interval.of(0.5, np.append(np.arange(1001) / 1000, np.nan))
    assert (interval.low, interval.high) == pytest.approx((0.025, 0.975))
    shifted = Interval.of(0.3, np.arange(1001) / 1000)  # the resamples lie above: the interval does not
    assert (shifted.low, shifted.high) == pytest.approx((-0.175, 0.775))
    assert Interval.of(float("nan"), np.array([np.nan])).summary() == {"value": None, "low": None, "high": None}


def test_no_images():
    assert resampled(judge(VOC10, table(), objects_of(), ["a"]), 0).shape == (1, 0)
