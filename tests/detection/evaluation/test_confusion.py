import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.confusion import confusion
from detection.evaluation.ilsvrc import ILSVRC
from detection.evaluation.judgement import judge
from detection.evaluation.voc import VOC10
from tests.detection.evaluation.random_case import CLASSES, objects_of, random_case, table

TRUTH = objects_of((0, 0, 0, 0, 10, 10), (0, 1, 50, 0, 60, 10), (1, 0, 0, 0, 10, 10))


def test_by_hand():
    found = table(
        (0, 0, 0.9, 0, 0, 10, 10),  # right
        (0, 0, 0.8, 50, 0, 60, 10),  # b taken for a
        (0, 0, 0.7, 0, 0, 10, 9),  # a second time
        (1, 1, 0.6, 80, 80, 90, 90),  # of nothing
        (1, 1, 0.1, 0, 0, 10, 10),  # below the threshold
    )
    result = confusion(judge(VOC10, found, TRUTH, ["a", "b"]), 0.5)
    assert result.counts.tolist() == [[1, 0, 1], [1, 0, 0], [1, 1, 0]]
    assert json.loads(json.dumps(result.summary()))["thresholds"] == [0.5, 0.5]


def test_a_threshold_for_each_class():
    found = table((0, 0, 0.4, 0, 0, 10, 10), (0, 1, 0.4, 50, 0, 60, 10))
    judgement = judge(VOC10, found, TRUTH, ["a", "b"])
    assert confusion(judgement, np.array([0.4, 0.5])).counts.tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]
    none = confusion(judgement, np.array([0.4, np.nan]))
    assert none.counts.tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert none.summary()["thresholds"] == [0.4, None]


def test_what_is_right_goes_first_whatever_the_scores():
    """A better scored b lies on the object that the a finds."""
    found = table((1, 1, 0.9, 0, 0, 10, 10), (1, 0, 0.6, 0, 0, 10, 10))
    assert confusion(judge(VOC10, found, TRUTH, ["a", "b"]), 0.5).counts[0, 0] == 1
    assert confusion(judge(VOC10, found, TRUTH, ["a", "b"]), 0.5).counts[2, 1] == 1
    assert confusion(judge(VOC10, found, TRUTH, ["a", "b"]), 0.7).counts[0, 1] == 1  # the a no longer counts


@pytest.mark.parametrize("rules", [VOC10, ILSVRC], ids=lambda rules: rules.name)
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), threshold=st.sampled_from([0.0, 0.5, 1.0]))
def test_rows_and_columns_sum_up(rules, seed, threshold):
    judgement = judge(rules, *random_case(seed), CLASSES)
    counts = confusion(judgement, threshold).counts
    assert counts[:-1].sum(axis=1).tolist() == judgement.positives.tolist()
    counted = (judgement.verdicts >= 0) & (judgement.detections.scores >= threshold)
    assert (
        counts[:, :-1].sum(axis=0).tolist() == np.bincount(judgement.detections.labels[counted], minlength=3).tolist()
    )
    right = judgement.detections.labels[counted & (judgement.verdicts == 1)]
    assert (counts.diagonal()[:-1] >= np.bincount(right, minlength=3)).all()
    assert counts[-1, -1] == 0


def test_nothing():
    assert confusion(judge(VOC10, table(), objects_of(), ["a"]), 0.5).counts.tolist() == [[0, 0], [0, 0]]
