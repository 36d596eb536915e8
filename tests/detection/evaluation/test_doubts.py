import numpy as np

from detection.evaluation.doubts import doubts, doubts_of_classes
from detection.evaluation.naming import Placed
from detection.evaluation.result import ClassResult, Evaluation
from detection.evaluation.tables import DetectionTable


def table(*boxes) -> DetectionTable:
    zeros = np.zeros(len(boxes), np.int64)
    return DetectionTable(zeros, zeros, np.ones(len(boxes)), np.array(boxes, float).reshape(-1, 4))


def result(**classes: tuple[int, int]) -> Evaluation:
    """Classes of (objects, detections)."""
    curves = {name: np.zeros(detections) for name, (_, detections) in classes.items()}
    each = {name: ClassResult(0.0, classes[name][0], curve, curve) for name, curve in curves.items()}
    return Evaluation("voc10", each)


def test_images_boxes_and_classes_are_counted():
    found = Placed(table((0, 0, 1, 1), (2, 0, 1, 1)), np.array([True, False]), {"cow": 3})
    assert list(doubts(found)) == [
        "1 of 2 images have no detections; in them nothing was found",
        "1 detections have a box without area (x2 <= x1 or y2 <= y1); they count as false",
        "left out, as the data set has no such class: cow (3)",
    ]


def test_detections_of_other_classes_alone_are_named():
    found = Placed(table(), np.array([True]), {"doggy": 2, "kitty": 4})
    assert list(doubts(found)) == [
        "no detection is of these classes, but of doggy (2), kitty (4): every average precision is 0"
    ]


def test_nothing_odd_is_nothing_said():
    assert list(doubts(Placed(table((0, 0, 1, 1)), np.array([True]), {}))) == []
    assert list(doubts_of_classes(result(cat=(1, 1), dog=(0, 0)))) == []


def test_classes_without_detections_are_named_where_others_have_some():
    (line,) = doubts_of_classes(result(cat=(1, 1), dog=(2, 0), cow=(0, 0)))
    assert "nothing was found of 1 of 2 classes" in line
    assert line.endswith(": dog")
    assert list(doubts_of_classes(result(cat=(1, 0), dog=(2, 0)))) == []  # there are no detections at all
