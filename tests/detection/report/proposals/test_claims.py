from types import SimpleNamespace

import pytest

from detection.report.proposals.claims import claims


def measured(boxes, recalls=(0.9, 0.7), objects=10):
    covered = SimpleNamespace(per_image=boxes, recall=dict(zip((0.5, 0.7), recalls, strict=True)).get)
    covered = type("Covered", (SimpleNamespace,), {"__len__": lambda self: objects})(**vars(covered))
    return SimpleNamespace(covered=covered)


def test_the_paper_s_own_numbers_agree_with_the_paper():
    halved, added, budget, coverage = claims(measured(2403, (0.92, 0.7)), measured(1200), measured(1400, (0.93, 0.72)))
    assert (halved.measured, halved.verdict) == ("2,403 to 1,200, 50% left", "agrees")
    assert (added.measured, added.verdict) == ("200", "agrees")
    assert (budget.measured, budget.verdict) == ("1,400: 58% of 2,403, 58% of ours with x1", "agrees")
    assert coverage.measured == "92.0% to 93.0% at 0.5, 70.0% to 72.0% at 0.7"
    assert coverage.verdict == "rises, as in the paper (+1.0 points at 0.5)"


def test_other_numbers_are_said_to_differ():
    halved, added, budget, coverage = claims(measured(1000), measured(700), measured(840, (0.89, 0.7)))
    assert halved.verdict == "differs: 70% of the boxes are left, not 50%"
    assert added.verdict.startswith("differs")
    assert budget.verdict == "differs: 35% of R-CNN's boxes, not 60%"
    assert coverage.verdict == "does not rise, unlike in the paper (-1.0 points at 0.5)"


def test_coverage_of_all_objects_cannot_rise():
    *_, coverage = claims(measured(2403, (1.0, 0.7)), measured(1200, (0.9, 0.7)), measured(1400, (1.0, 0.8)))
    assert coverage.verdict == "cannot rise: 100% already without"
    *_, coverage = claims(measured(2403, (1.0, 0.7)), measured(1200), measured(1400, (0.99, 0.8)))
    assert coverage.verdict == "does not rise, unlike in the paper (-1.0 points at 0.5)"


def test_a_part_of_a_box_that_multibox_adds_is_told():
    assert claims(measured(2403), measured(1200), measured(1399.5))[1].measured == "199.5"


def test_without_multibox_its_claims_are_not_judged():
    _, added, budget, coverage = claims(measured(2000), measured(1000, (0.88, 0.6)))
    assert added.measured == budget.measured == "-"
    assert added.verdict == budget.verdict == "not measured: without MultiBox"
    assert coverage.verdict == "not comparable: without MultiBox (-2.0 points at 0.5)"


def test_without_objects_there_is_no_coverage():
    *_, coverage = claims(measured(10, objects=0), measured(5, objects=0), measured(7, objects=0))
    assert coverage.verdict == "not measured: no annotated objects"


@pytest.mark.parametrize("boxes", [0, float("nan")])
def test_without_boxes_nothing_is_halved(boxes):
    assert claims(measured(boxes), measured(boxes), measured(boxes))[0].verdict == "not measured: no boxes"
