"""Random small cases, full of ties, against the plain reference and against what any protocol must obey."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.ilsvrc import ilsvrc
from detection.evaluation.tables import DetectionTable
from detection.evaluation.voc import voc07, voc10
from detection.structures import Target
from tests.detection.evaluation import reference

IMAGES = 3
QUICK = settings(max_examples=50)
SCORES = [0.25, 0.5, 0.75]
images = st.integers(0, IMAGES - 1)
corner = st.integers(1, 12)
side = st.sampled_from([0, 1, 3, 5, 40])  # pixels beyond the first; 40: past ILSVRC's lenient bars
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), corner, corner, side, side)
detections = st.lists(st.tuples(images, st.sampled_from(SCORES), boxes), max_size=14)
objects = st.lists(st.tuples(images, boxes, st.booleans()), max_size=8)


def to_house(boxes) -> np.ndarray:
    return np.array(boxes, float).reshape(-1, 4) - [1, 1, 0, 0]


def as_table(found) -> DetectionTable:
    where = np.array([image for image, _, _ in found], np.int64)
    scores = np.array([score for _, score, _ in found], float)
    return DetectionTable(where, np.zeros(len(found), np.int64), scores, to_house([box for _, _, box in found]))


def as_targets(truth, *, flags: bool = True) -> list[Target]:
    targets = []
    for image in range(IMAGES):
        here = [(box, difficult and flags) for where, box, difficult in truth if where == image]
        flagged = np.array([difficult for _, difficult in here], bool)
        targets.append(Target(to_house([box for box, _ in here]), np.zeros(len(here)), flagged))
    return targets


@QUICK
@given(detections, objects)
def test_voc_is_the_reference(found, truth):
    positives = sum(not difficult for _, _, difficult in truth)
    table, targets = as_table(found), as_targets(truth)
    if not positives:
        assert np.isnan(voc07(table, targets, ["a"]).mean_ap)
        return
    points = reference.curve(reference.voc_verdicts(found, truth), positives)
    assert voc07(table, targets, ["a"]).mean_ap == pytest.approx(reference.eleven_point(points), abs=1e-12)
    assert voc10(table, targets, ["a"]).mean_ap == pytest.approx(reference.area(points), abs=1e-12)


@QUICK
@given(detections, objects, st.sets(images, max_size=2))
def test_ilsvrc_is_the_reference(found, truth, blacklisted):
    counted = [(image, box, False) for image, box, _ in truth if image not in blacklisted]
    result = ilsvrc(as_table(found), as_targets(truth, flags=False), ["a"], [(image, 0) for image in blacklisted])
    assert result.classes["a"].positives == len(counted)
    if counted:
        points = reference.curve(reference.ilsvrc_verdicts(found, counted, blacklisted), len(counted))
        assert result.mean_ap == pytest.approx(reference.area(points), abs=1e-12)


@pytest.mark.parametrize("protocol", [voc07, voc10, ilsvrc])
@QUICK
@given(found=detections, truth=objects.filter(len))
def test_only_the_order_of_scores_counts(protocol, found, truth):
    table, targets = as_table(found), as_targets(truth)
    stretched = dataclasses.replace(table, scores=np.exp(5 * table.scores) - 9)
    before, after = protocol(table, targets, ["a"]), protocol(stretched, targets, ["a"])
    np.testing.assert_equal(after.mean_ap, before.mean_ap)


@pytest.mark.parametrize("protocol", [voc07, voc10, ilsvrc])
@QUICK
@given(found=detections, truth=objects.filter(len))
def test_a_last_false_detection_changes_nothing(protocol, found, truth):
    worst = (0, 0.0, (1000, 1000, 1010, 1010))
    before = protocol(as_table(found), as_targets(truth), ["a"]).mean_ap
    np.testing.assert_equal(protocol(as_table([*found, worst]), as_targets(truth), ["a"]).mean_ap, before)


@pytest.mark.parametrize("protocol", [voc07, voc10, ilsvrc])
@QUICK
@given(found=detections, truth=objects)
def test_curves_stay_in_bounds(protocol, found, truth):
    result = protocol(as_table(found), as_targets(truth), ["a"]).classes["a"]
    if result.positives:
        assert 0 <= result.ap <= 1 + 1e-12
        assert (np.diff(result.recall) >= 0).all()
        assert ((result.recall >= 0) & (result.recall <= 1)).all()
        assert len(result.recall) == len(result.precision) == len(found)


@pytest.mark.parametrize("protocol", [voc07, voc10, ilsvrc])
@QUICK
@given(truth=st.lists(st.tuples(images, boxes), min_size=1, max_size=6, unique=True))
def test_the_truth_itself_is_perfect(protocol, truth):
    found = [(image, 0.5, box) for image, box in truth]
    assert protocol(as_table(found), as_targets([(i, b, False) for i, b in truth]), ["a"]).mean_ap == pytest.approx(1)


@pytest.mark.parametrize("protocol", [voc07, voc10, ilsvrc])
@QUICK
@given(found=detections, truth=objects, order=st.permutations(range(IMAGES)))
def test_the_order_of_images_is_of_no_account_without_ties(protocol, found, truth, order):
    distinct = [(image, number / 100, box) for number, (image, _, box) in enumerate(found)]
    moved = [(order[image], score, box) for image, score, box in distinct]
    before = protocol(as_table(distinct), as_targets(truth), ["a"]).mean_ap
    after = protocol(as_table(moved), as_targets([(order[i], b, d) for i, b, d in truth]), ["a"]).mean_ap
    np.testing.assert_equal(after, before)
