import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.judgement import judge
from detection.evaluation.matching import IGNORED
from detection.evaluation.reliability import reliability
from detection.evaluation.voc import VOC10
from tests.detection.evaluation.random_case import CLASSES, objects_of, random_case, table

OBJECT, AWAY = (0, 0, 10, 10), (50, 50, 60, 60)


def test_by_hand():
    """Two bins: scores .1 and .3, both wrong, and .6 (wrong), .8 (right): the errors are .2 and .2."""
    found = table((0, 0, 0.8, *OBJECT), *((0, 0, score, *AWAY) for score in (0.6, 0.3, 0.1)))
    curve = reliability(judge(VOC10, found, objects_of((0, 0, *OBJECT)), ["a"]), bins=2).equal_width
    assert curve.counts.tolist() == [2, 2]
    assert curve.scores == pytest.approx([0.2, 0.7])
    assert curve.right.tolist() == [0, 0.5]
    assert curve.error == pytest.approx(0.2)


def test_equal_masses_keep_equal_scores_together():
    found = table(*((0, 0, score, *AWAY) for score in (0.1, 0.2, 0.2, 0.2, 0.3, 0.9)))
    curve = reliability(judge(VOC10, found, objects_of((0, 0, *OBJECT)), ["a"]), bins=3).equal_mass
    assert curve.counts.tolist() == [1, 3, 2]
    assert curve.scores == pytest.approx([0.1, 0.2, 0.6])


def test_ignored_detections_are_left_out():
    found = table((0, 0, 0.8, *OBJECT))
    measured = reliability(judge(VOC10, found, objects_of((0, 0, *OBJECT), ignored=[0]), ["a"]))
    assert measured.equal_width.counts.tolist() == []
    assert np.isnan(measured.equal_width.error)
    assert measured.classes["a"].summary() == {"error": None, "counts": [], "scores": [], "right": []}


@pytest.mark.parametrize("score", [-0.1, 1.1])
def test_scores_beyond_0_and_1_are_no_probabilities(score):
    assert reliability(judge(VOC10, table((0, 0, score, *AWAY)), objects_of((0, 0, *OBJECT)), ["a"])) is None


def test_the_ends_of_the_scale():
    found = table((0, 0, 1.0, *OBJECT), (0, 0, 0.0, *AWAY))
    assert reliability(judge(VOC10, found, objects_of((0, 0, *OBJECT)), ["a"])).equal_width.error == 0


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_the_slow_way(seed):
    judgement = judge(VOC10, *random_case(seed, ties=False), CLASSES)
    measured = reliability(judgement, bins=10)
    json.dumps(measured.summary(), allow_nan=False)
    rows = [row for row, verdict in enumerate(judgement.verdicts) if verdict != IGNORED]
    for name, curve in {"": measured.equal_width, **measured.classes}.items():
        mine = [row for row in rows if name in ("", CLASSES[judgement.detections.labels[row]])]
        total = 0.0
        for number in range(10):
            low, high = np.linspace(0, 1, 11)[[number, number + 1]]
            inside = [row for row in mine if low <= judgement.detections.scores[row] < high]
            distance = sum(judgement.verdicts[row] - judgement.detections.scores[row] for row in inside)
            total += abs(distance) / len(mine) if mine else 0
        assert curve.error == pytest.approx(total, abs=1e-12) if mine else np.isnan(curve.error)
    assert measured.equal_mass.counts.sum() == measured.equal_width.counts.sum() == len(rows)
