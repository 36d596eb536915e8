"""What --threshold and --classes make of a run."""

from math import inf
from types import SimpleNamespace

import pytest

from detection.calibration import Calibration
from detection.report.view import view_of

THRESHOLDS = {"best-f1": {"cat": 0.3, "dog": 0.4}, "precision=0.9": {"cat": 0.7, "dog": None}}


def detector(calibration: Calibration | None = None) -> SimpleNamespace:
    return SimpleNamespace(class_names=("cat", "dog"), calibration=calibration)


def test_without_a_calibration_half_is_the_threshold() -> None:
    view = view_of(detector(), None, None)
    assert (view.classes, view.threshold, view.words, view.drawn_as) == (("cat", "dog"), 0.5, "0.5", 0.5)
    assert view.note == ""


@pytest.mark.parametrize(("classes", "never"), [(None, "dog"), ("dog", "dog"), ("cat", "")])
def test_classes_of_which_no_score_is_enough_are_named(classes: str | None, never: str) -> None:
    view = view_of(detector(Calibration(1.0, 0.0, THRESHOLDS)), "precision=0.9", classes)
    assert view.threshold == {"cat": 0.7, "dog": inf}
    assert view.note == (f"precision=0.9: no score is enough for {never}: not shown" if never else "")


def test_drawings_of_other_classes_or_thresholds_are_told_apart() -> None:
    asked = [(None, None), ("0.3", None), (None, "cat"), ("0.3", "cat")]
    assert len({view_of(detector(), threshold, classes).drawn_as for threshold, classes in asked}) == len(asked)
