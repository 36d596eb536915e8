import json
from dataclasses import replace

import numpy as np
import pytest

from detection.evaluation.coco_half import COCO_HALF, judge_coco_half
from detection.evaluation.explain import REASONS, explain
from detection.evaluation.ilsvrc import ILSVRC
from detection.evaluation.judgement import judge
from detection.evaluation.tables import tables
from detection.evaluation.voc import VOC07, VOC10
from tests.detection.evaluation.random_case import objects_of, table
from tests.golden.cases import ilsvrc_case, voc_case

SMALL = (0, 0, 0, 0, 10, 10)  # asks for an overlap of .25 in ILSVRC


def changed(explanation) -> list[tuple[float, str, str, str]]:
    """(score, before, after, reason) of every change."""
    return [(change.score, change.before, change.after, change.reason) for change in explanation.changes()]


def between(first, second, found, truth, **options):
    return explain(judge(first, found, truth, ["a"]), judge(second, found, truth, ["a"], **options))


def test_a_small_object_asks_for_less():
    found = table((0, 0, 0.9, 0, 0, 10, 3))
    assert changed(between(VOC10, ILSVRC, found, objects_of(SMALL))) == [(0.9, "wrong", "right", "small object")]


def test_a_detection_that_loses_its_object_has_the_reason_of_the_one_that_takes_it():
    found = table((0, 0, 0.9, 0, 0, 10, 3), (0, 0, 0.8, 0, 0, 10, 10))
    expected = [(0.9, "wrong", "right", "small object"), (0.8, "right", "wrong", "small object")]
    assert changed(between(VOC10, ILSVRC, found, objects_of(SMALL))) == expected


def test_another_object_is_free():
    truth = objects_of((0, 0, 0, 0, 100, 100), (0, 0, 0, 0, 100, 80))
    found = table((0, 0, 0.9, 0, 0, 100, 100), (0, 0, 0.8, 0, 0, 100, 100))
    assert changed(between(VOC10, ILSVRC, found, truth)) == [(0.8, "wrong", "right", "taken object")]


def test_a_blacklisted_class_of_an_image():
    explanation = between(VOC10, VOC10, table((0, 0, 0.9, 50, 50, 60, 60)), objects_of(SMALL), blacklist=[(0, 0)])
    assert changed(explanation) == [(0.9, "wrong", "not counted", "blacklist")]


def test_other_objects_are_difficult():
    found, truth = table((0, 0, 0.9, 0, 0, 10, 10)), objects_of(SMALL)
    strict = judge(VOC10, found, truth, ["a"])
    lenient = judge(VOC10, found, objects_of(SMALL, ignored=[0]), ["a"])
    assert changed(explain(strict, lenient)) == [(0.9, "right", "not counted", "difficult")]


def test_a_difficult_object_excuses_one_detection_in_coco():
    truth = objects_of((0, 0, 0, 0, 100, 100), ignored=[0])
    found = table((0, 0, 0.9, 0, 0, 100, 100), (0, 0, 0.8, 0, 0, 100, 100))
    explanation = between(VOC10, COCO_HALF, found, truth, crowd=np.zeros(1, bool), most=100)
    assert changed(explanation) == [(0.8, "not counted", "wrong", "ignored object")]


def test_a_crowd_excuses_what_lies_in_it():
    truth = objects_of((0, 0, 0, 0, 100, 100), ignored=[0])
    explanation = between(VOC10, COCO_HALF, table((0, 0, 0.9, 0, 0, 10, 10)), truth, crowd=np.ones(1, bool), most=100)
    assert changed(explanation) == [(0.9, "wrong", "not counted", "ignored object")]


def test_a_cap_on_detections():
    found = table((0, 0, 0.9, 0, 0, 10, 10), (0, 0, 0.8, 50, 50, 60, 60))
    explanation = between(VOC10, VOC10, found, objects_of(SMALL), most=1)
    assert changed(explanation) == [(0.8, "wrong", "not counted", "cap")]


def test_a_formula_changes_no_detection():
    """Recall 1/2 at precision 1: 6 of 11 points, or half of the area."""
    explanation = between(
        VOC07, VOC10, table((0, 0, 0.9, 0, 0, 9, 9)), objects_of((0, 0, 0, 0, 9, 9), (1, 0, 0, 0, 9, 9))
    )
    (step,) = explanation.steps
    assert (step.reason, step.changed, len(explanation)) == ("formula", 0, 0)
    assert step.gain == explanation.difference == pytest.approx(1 / 2 - 6 / 11)


def test_the_order_of_equal_scores_changes_no_detection():
    found = table((1, 0, 0.5, 50, 50, 60, 60), (0, 0, 0.5, 0, 0, 10, 10))
    by_image = replace(VOC10, ties_by_image=True)
    explanation = between(VOC10, by_image, found, objects_of(SMALL))
    assert [(step.reason, step.changed, step.gain) for step in explanation.steps] == [("ties", 0, 0.5)]


def test_a_protocol_and_itself():
    explanation = between(VOC10, VOC10, table((0, 0, 0.9, 0, 0, 9, 9)), objects_of(SMALL))
    assert (explanation.steps, len(explanation), explanation.difference) == ((), 0, 0)


@pytest.mark.parametrize("name", ["voc", "voc_synthetic", "ties"])
def test_reasons_add_up(name):
    case = ilsvrc_case(name) if name == "ties" else voc_case(name)
    found, truth = tables(case.predictions, case.targets)
    judgements = [judge(VOC07, found, truth, case.class_names), judge(VOC10, found, truth, case.class_names)]
    judgements.append(judge(ILSVRC, found, truth, case.class_names, blacklist=case.blacklist))
    judgements.append(judge_coco_half(found, truth, case.class_names, np.zeros(len(truth), bool)))
    for first in judgements:
        for second in judgements:
            explanation = explain(first, second)
            unlike = int((first.verdicts != second.verdicts).sum())
            assert sum(step.changed for step in explanation.steps) == len(explanation) == unlike
            assert sum(step.gain for step in explanation.steps) == pytest.approx(explanation.difference, abs=1e-12)
            assert [step.reason for step in explanation.steps] == [
                reason for reason in REASONS if reason in {step.reason for step in explanation.steps}
            ]


def test_what_json_holds():
    explanation = between(VOC07, ILSVRC, table((0, 0, 0.9, 0, 0, 10, 3)), objects_of(SMALL))
    summary = json.loads(json.dumps(explanation.summary(), allow_nan=False))
    assert (summary["first"], summary["second"], summary["changed"]) == ("voc07", "ilsvrc", 1)
    step = next(step for step in summary["steps"] if step["changed"])
    assert step["changes"] == {"wrong -> right": 1}
    assert step["examples"] == [
        {
            "image": 0,
            "class_name": "a",
            "score": 0.9,
            "box": [0, 0, 10, 3],
            "before": "wrong",
            "after": "right",
            "reason": "small object",
        }
    ]


def test_examples_of_one_reason():
    found = table(*((0, 0, score, 50, 50, 60, 60) for score in (0.7, 0.9, 0.8)))
    explanation = between(VOC10, VOC10, found, objects_of(SMALL), blacklist=[(0, 0)])
    assert [change.score for change in explanation.changes("blacklist", most=2)] == [0.9, 0.8]
    assert list(explanation.changes("cap")) == []


def test_other_detections_are_refused():
    one, other = (judge(VOC10, table((0, 0, score, 0, 0, 9, 9)), objects_of(SMALL), ["a"]) for score in (0.5, 0.6))
    with pytest.raises(ValueError, match="voc10 and voc10 cannot be compared: they judged other detections"):
        explain(one, other)
