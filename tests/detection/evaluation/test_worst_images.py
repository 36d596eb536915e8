import numpy as np

from detection.evaluation.judgement import judge
from detection.evaluation.voc import VOC10
from detection.evaluation.worst_images import worst_images
from tests.detection.evaluation.random_case import objects_of, table

TRUTH = objects_of((0, 0, 0, 0, 9, 9), (1, 0, 0, 0, 9, 9), (1, 0, 20, 0, 29, 9), (2, 0, 0, 0, 9, 9), ignored=[3])
FOUND = table((0, 0, 0.9, 0, 0, 9, 9), (0, 0, 0.8, 50, 50, 60, 60), (1, 0, 0.2, 0, 0, 9, 9), (3, 0, 0.1, 0, 0, 9, 9))


def test_the_most_errors_first():
    worst = worst_images(judge(VOC10, FOUND, TRUTH, ["a"]), np.array([0.5]))
    assert [(one.image, one.right, one.wrong, one.missed) for one in worst] == [
        (1, (), (), (1, 2)),
        (0, (0,), (1,), ()),
    ]
    assert worst[0].summary() == {"image": 1, "right": 0, "wrong": 0, "missed": 2}
    assert [one.errors for one in worst] == [2, 1]


def test_as_many_as_asked_for_and_images_without_errors_never():
    judgement = judge(VOC10, FOUND, TRUTH, ["a"])
    assert [one.image for one in worst_images(judgement, np.array([0.5]), most=1)] == [1]
    assert [one.image for one in worst_images(judgement, np.array([0.0]))] == [0, 1, 3]


def test_a_class_without_a_threshold_has_no_detections():
    assert [one.errors for one in worst_images(judge(VOC10, FOUND, TRUTH, ["a"]), np.array([np.nan]))] == [2, 1]
