import numpy as np
import pytest

from detection.evaluation.average_precision import (
    area_under_envelope,
    eleven_point,
    hundred_and_one_points,
    recall_precision,
)
from detection.evaluation.matching import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE

R, W, N = TRUE_POSITIVE, FALSE_POSITIVE, IGNORED
BOTH = [eleven_point, area_under_envelope]


def curve(verdicts, positives):
    return recall_precision(np.array(verdicts, np.int8), positives)


def test_recall_and_precision_after_each_detection():
    recall, precision = curve([R, W, N, R], 4)
    np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 1 / 4, 2 / 4])
    np.testing.assert_allclose(precision, [1, 1 / 2, 1 / 2, 2 / 3])


def test_a_curve_may_begin_with_nothing_counted():
    recall, precision = curve([N, R], 1)
    np.testing.assert_equal(recall, [0, 1])
    np.testing.assert_equal(precision, [np.nan, 1])


@pytest.mark.parametrize("measure", BOTH)
@pytest.mark.parametrize(
    ("verdicts", "positives", "expected"),
    [([R, R], 2, 1), ([W, W], 2, 0), ([], 2, 0), ([N, N], 2, 0), ([N, R], 1, 1), ([W, R], 1, 0.5)],
    ids=["perfect", "all false", "nothing found", "all ignored", "ignored first", "second of two"],
)
def test_plain_cases(measure, verdicts, positives, expected):
    assert measure(*curve(verdicts, positives)) == pytest.approx(expected)


def test_the_area_by_hand():
    """Recall 1/3 at 1, 2/3 at 2/4; the last third is never reached."""
    assert area_under_envelope(*curve([R, W, W, R], 3)) == pytest.approx(1 / 3 * 1 + 1 / 3 * 0.5)


def test_the_envelope_lifts_precision_that_comes_back():
    """Precision 0, 1/2, 2/3: both thirds of recall count 2/3."""
    assert area_under_envelope(*curve([W, R, R], 3)) == pytest.approx(2 / 3 * 2 / 3)


def test_eleven_points_by_hand():
    """Recall 1/2 at 1 serves the points 0 to .5; 1 at 2/3 the other five."""
    assert eleven_point(*curve([R, W, R], 2)) == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)


@pytest.mark.parametrize(
    ("found", "positives", "points"),
    [(3, 10, 3), (3, 5, 6), (7, 10, 7), (1, 5, 3), (2, 5, 5), (1, 2, 6), (4, 5, 9), (9, 10, 10)],
    ids=str,
)
def test_recalls_at_a_point_reach_it_but_for_three(found, positives, points):
    """.3, .6 and .7 are 0.30000000000000004, 0.6000000000000001 and 0.7000000000000001 in the devkit's arithmetic."""
    assert eleven_point(*curve([R] * found, positives)) == pytest.approx(points / 11)


@pytest.mark.parametrize("measure", [*BOTH, hundred_and_one_points], ids=lambda measure: measure.__name__)
@pytest.mark.parametrize("length", [0, 1, 40])
def test_curves_side_by_side_are_measured_as_each_alone(measure, length):
    random = np.random.default_rng(length)
    curves = [curve(random.choice([R, W], length), length + 1) for _ in range(5)]
    together = measure(*(np.stack(columns, axis=1) for columns in zip(*curves, strict=True)))
    np.testing.assert_allclose(together, [measure(*one) for one in curves], rtol=0, atol=1e-12)
