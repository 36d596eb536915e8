"""What both VOC protocols answer around the numbers: shapes, names, faults. The numbers are in test_golden.py."""

import math

import numpy as np
import pytest

from detection.datasets.voc import open_voc
from detection.evaluation.ilsvrc import ilsvrc, read_blacklist
from detection.evaluation.naming import ClassNames
from detection.evaluation.tables import DetectionTable
from detection.evaluation.voc import voc07, voc10
from detection.structures import Detections, Target
from tests.detection.datasets.trees import annotation_xml, write

ALL = pytest.mark.parametrize("protocol", [voc07, voc10, ilsvrc])
BOX = [10, 10, 50, 50]


def found(*labels, score=0.5) -> Detections:
    boxes = np.array([BOX] * len(labels), np.float32)
    return Detections(boxes, np.full(len(labels), score, np.float32), np.array(labels, np.int64))


def truth(*labels, difficult=False, crowd=False) -> Target:
    flags = {"difficult": np.full(len(labels), difficult), "crowd": np.full(len(labels), crowd)}
    return Target(np.array([BOX] * len(labels), np.float32), np.array(labels, np.int64), **flags)


@ALL
def test_a_class_without_objects_is_undefined_and_not_in_the_mean(protocol):
    result = protocol([found(0, 1)], [truth(0)], ["cat", "dog"])
    assert math.isnan(result.classes["dog"].ap)
    assert result.classes["dog"].positives == 0
    assert result.classes["dog"].detections == 1
    assert (result.mean_ap, result.median_ap, result.classes_in_mean) == (1, 1, 1)


@pytest.mark.parametrize(("corners", "right"), [((51, 1, 170, 30), 0), ((51, 1, 150, 30), 1)])
@ALL
def test_boxes_that_leave_their_photo_are_measured_as_annotated(tmp_path, protocol, corners, right):
    """Cut to the photo of 100 pixels, either would be what was found."""
    write(tmp_path / "Annotations" / "a.xml", annotation_xml([("cat", *corners)], (100, 30)))
    dataset = open_voc(tmp_path)
    half = Detections(np.array([[50, 0, 100, 30]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    assert dataset.target(0).boxes.tolist() == half.boxes.tolist()
    assert protocol([half], dataset.targets, ["cat"]).mean_ap == right


@ALL
def test_classes_do_not_see_one_another(protocol):
    result = protocol([found(1)], [truth(0, 1)], ["cat", "dog"])
    assert (result.classes["cat"].ap, result.classes["dog"].ap) == (0, 1)
    assert (result.mean_ap, result.median_ap) == (0.5, 0.5)


@ALL
def test_nothing_found_is_nought(protocol):
    result = protocol([Detections.empty(), Detections.empty()], [truth(0), truth()], ["cat"])
    assert (result.mean_ap, result.classes_in_mean) == (0, 1)
    assert len(result.classes["cat"].recall) == 0


@ALL
def test_no_images_and_no_classes_are_undefined(protocol):
    assert math.isnan(protocol([], [], ["cat"]).mean_ap)
    assert math.isnan(protocol([], [], []).median_ap)
    assert protocol([], [], []).classes_in_mean == 0


@ALL
@pytest.mark.parametrize("flag", ["difficult", "crowd"])
def test_objects_that_need_not_be_found_are_not_counted(protocol, flag):
    result = protocol([found(0), found(0)], [truth(0, **{flag: True}), truth(0)], ["cat"]).classes["cat"]
    assert (result.ap, result.positives, result.detections) == (1, 1, 2)


@ALL
def test_the_result_names_its_protocol_and_keeps_the_order_of_classes(protocol):
    result = protocol([found()], [truth(2)], ["zebra", "ant", "cat"])
    assert result.protocol == protocol.__name__
    assert list(result.classes) == ["zebra", "ant", "cat"]
    assert list(result.only(["cat", "ant"]).classes) == ["cat", "ant"]


@ALL
def test_iterators_are_enough(protocol):
    assert protocol(iter([found(0)]), iter([truth(0)]), ["cat"]).mean_ap == 1


@ALL
def test_images_must_correspond(protocol):
    with pytest.raises(ValueError, match="predictions for 1 images, targets for 2"):
        protocol([found(0)], [truth(0), truth(0)], ["cat"])
    elsewhere = DetectionTable(np.array([3]), np.array([0]), np.array([0.5]), np.array([BOX], float))
    with pytest.raises(ValueError, match="in image 3, but there are targets for 1 images"):
        protocol(elsewhere, [truth(0)], ["cat"])


@ALL
def test_labels_must_have_a_name(protocol):
    with pytest.raises(ValueError, match="label 1 among 1 classes"):
        protocol([found(1)], [truth(0)], ["cat"])
    with pytest.raises(ValueError, match="label 2 among 1 classes"):
        protocol([found(0)], [truth(2)], ["cat"])


def test_a_blacklisted_image_and_class_count_neither_way():
    predictions, targets = [found(0, 1), found(0)], [truth(0, 1), truth(0)]
    result = ilsvrc(predictions, targets, ["cat", "dog"], [(0, 0)]).classes
    assert (result["cat"].positives, result["cat"].detections, result["cat"].ap) == (1, 2, 1)
    assert (result["dog"].positives, result["dog"].ap) == (1, 1)
    np.testing.assert_equal(result["cat"].precision, [np.nan, 1])


def test_a_summary_has_the_last_point_of_the_curve_and_null_for_the_undefined():
    summary = voc10([found(0, 0, 2)], [truth(0, 1)], ["cat", "dog", "ant"]).summary()
    assert summary == {
        "mean_ap": 0.5,
        "median_ap": 0.5,
        "classes_in_mean": 2,
        "classes": {
            "cat": {"ap": 1.0, "positives": 1, "detections": 2, "recall": 1.0, "precision": 0.5},
            "dog": {"ap": 0.0, "positives": 1, "detections": 0, "recall": 0.0, "precision": None},
            "ant": {"ap": None, "positives": 0, "detections": 1, "recall": None, "precision": 0.0},
        },
    }


def test_a_blacklist_file_names_images_by_number_and_classes_by_any_name(tmp_path):
    path = tmp_path / "blacklist.txt"
    path.write_text("2 n02691156\n\n1 Ant\n")
    classes = ClassNames(["airplane", "ant"], [("n02691156", "airplane")])
    assert read_blacklist(path, ["a", "b"], classes) == [("b", 0), ("a", 1)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3 ant", "image number of 1 to 2, got '3 ant'"),
        ("x ant", "image number"),
        ("1 bee", "class 'bee' is not"),
        ("1", "class ''"),
    ],
)
def test_a_bad_line_of_a_blacklist_is_named(tmp_path, line, message):
    path = tmp_path / "blacklist.txt"
    path.write_text(f"1 ant\n{line}\n")
    with pytest.raises(ValueError, match=message) as error:
        read_blacklist(path, ["a", "b"], ClassNames(["ant"]))
    assert str(error.value).startswith(f"{path}:2: ")
