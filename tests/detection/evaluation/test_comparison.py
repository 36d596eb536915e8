import json

import numpy as np
import pytest

from detection.evaluation.bootstrap import Interval
from detection.evaluation.comparison import Comparison, compare
from detection.evaluation.judgement import judge
from detection.evaluation.tables import tables
from detection.evaluation.voc import VOC07, VOC10
from tests.detection.evaluation.random_case import objects_of, table
from tests.golden.cases import voc_case

TRUTH = objects_of(*((image, image % 2, 0, 0, 10, 10) for image in range(20)))
ALL = table(*((image, image % 2, 0.9, 0, 0, 10, 10) for image in range(20)))
HALF = ALL[ALL.images < 10]


def judged(found, rules=VOC10):
    return judge(rules, found, TRUTH, ["a", "b"])


def verdict(value, low, high, ahead) -> str:
    return Comparison(("old", "new"), Interval(value, low, high), ahead, {}, (0, 0), 500).verdict


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ((0.021, 0.009, 0.034, 0.98), "new is better: +2.1 points [0.9, 3.4]; 98% of resamples"),
        ((-0.021, -0.034, -0.009, 0.02), "old is better: +2.1 points [0.9, 3.4]; 98% of resamples"),
        ((0.021, 0.009, 0.034, 0.9996), "new is better: +2.1 points [0.9, 3.4]; 99% of resamples"),
        ((0.021, 0.009, 0.034, 1.0), "new is better: +2.1 points [0.9, 3.4]; 100% of resamples"),
        (
            (0.003, -0.009, 0.015, 0.66),
            "no difference can be told from 500 images: new +0.3 points [-0.9, 1.5], ahead in 66% of resamples",
        ),
        ((np.nan,) * 4, "no class has an object in both results: nothing can be compared"),
    ],
)
def test_verdicts(figures, sentence):
    assert verdict(*figures) == sentence


def test_one_that_finds_all_and_one_that_finds_half():
    comparison = compare(judged(HALF), judged(ALL), 20, samples=300)
    assert comparison.difference.value == pytest.approx(0.5)
    assert comparison.told_apart
    assert comparison.ahead == 1
    assert comparison.won == (0, 2)
    assert comparison.classes["a"].value == pytest.approx(0.5)


def test_the_other_way_round_is_the_opposite():
    one, other = compare(judged(HALF), judged(ALL), 20), compare(judged(ALL), judged(HALF), 20)
    assert (one.difference.low, one.difference.high) == pytest.approx((-other.difference.high, -other.difference.low))
    assert one.ahead == 1 - other.ahead
    assert one.won == other.won[::-1]


def test_a_result_and_itself():
    case = voc_case("voc")
    judgement = judge(VOC10, *tables(case.predictions, case.targets), case.class_names)
    comparison = compare(judgement, judgement, len(case.targets), samples=100)
    assert vars(comparison.difference) == {"value": 0, "low": 0, "high": 0}
    assert (comparison.ahead, comparison.won, comparison.told_apart) == (0.5, (0, 0), False)
    assert "no difference can be told from 500 images" in comparison.verdict
    json.dumps(comparison.summary(), allow_nan=False)


def test_pairing_tells_apart_what_two_intervals_do_not():
    """Every photo differs a lot, but the second result has one mistake less on many of them."""
    case = voc_case("voc")
    found, truth = tables(case.predictions, case.targets)
    first = judge(VOC10, found, truth, case.class_names)
    worse = found[np.random.default_rng(0).random(len(found)) < 0.95]
    comparison = compare(judge(VOC10, worse, truth, case.class_names), first, len(case.targets), samples=200)
    assert comparison.told_apart
    assert comparison.difference.high - comparison.difference.low < 0.12


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (judged(ALL, VOC07), "A and B cannot be compared: one is judged by voc10, the other by voc07"),
        (judge(VOC10, ALL, TRUTH, ["a", "c"]), "their classes differ"),
        (judge(VOC10, ALL, TRUTH[:5], ["a", "b"]), r"the objects to find differ \(20 and 5\)"),
    ],
)
def test_what_cannot_be_compared(other, message):
    with pytest.raises(ValueError, match=message):
        compare(judged(ALL), other, 20)
