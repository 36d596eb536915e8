"""What regions show."""

import numpy as np
import pytest

from detection.structures import Target
from detection.training.sampling import IGNORED, label_regions

OBJECT = [0.0, 0, 10, 10]
SHIFTED = [5.0, 0, 15, 10]  # covers a third of OBJECT's union
HALF = [0.0, 0, 5, 10]  # half of OBJECT
FAR = [50.0, 50, 60, 60]


def boxes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def target(*rows: list[float], labels: list[int] | None = None, **flags: list[bool]) -> Target:
    return Target(
        boxes(*rows), np.array(labels or [0] * len(rows), np.int64), **{k: np.array(v) for k, v in flags.items()}
    )


def test_a_region_shows_the_object_that_it_overlaps_most() -> None:
    labels = label_regions(boxes(OBJECT, HALF, SHIFTED, FAR), target(OBJECT, [2, 0, 30, 10], labels=[3, 1]))
    assert labels.classes.tolist() == [4, 4, 0, 0]
    assert labels.overlap.tolist() == pytest.approx([1, 0.5, 10 / 28, 0])  # [2, 0, 30, 10] holds all of SHIFTED
    assert labels.matches[:2].tolist() == [OBJECT, OBJECT]
    assert labels.matches[2].tolist() == [2, 0, 30, 10]


def test_one_half_is_an_object_and_just_below_is_background() -> None:
    labels = label_regions(boxes(HALF, [0, 0, 4.99, 10]), target(OBJECT))
    assert labels.classes.tolist() == [1, 0]


def test_the_overlap_that_counts_can_be_chosen() -> None:
    assert label_regions(boxes(SHIFTED), target(OBJECT), positive_overlap=0.3).classes.tolist() == [1]
    assert label_regions(boxes(HALF), target(OBJECT), positive_overlap=0.6).classes.tolist() == [0]


def test_a_photo_without_objects_is_background_everywhere() -> None:
    labels = label_regions(boxes(OBJECT, FAR), target())
    assert labels.classes.tolist() == [0, 0]
    assert labels.overlap.tolist() == [0, 0]
    assert labels.matches.tolist() == [OBJECT, FAR]


def test_difficult_objects_are_neither_objects_nor_background() -> None:
    labels = label_regions(boxes(OBJECT, HALF, SHIFTED, FAR), target(OBJECT, difficult=[True]))
    assert labels.classes.tolist() == [IGNORED, IGNORED, 0, 0]
    assert labels.overlap.tolist() == [0] * 4


def test_a_countable_object_in_front_of_a_difficult_one_counts() -> None:
    labels = label_regions(boxes(OBJECT), target(OBJECT, [1, 0, 11, 10], labels=[2, 0], difficult=[True, False]))
    assert labels.classes.tolist() == [1]
    assert labels.matches.tolist() == [[1, 0, 11, 10]]


def test_inside_a_crowd_nothing_is_background() -> None:
    crowd = [0.0, 0, 100, 100]
    regions = boxes([10, 10, 20, 20], [95, 10, 105, 20], [94, 10, 110, 20], [200, 0, 210, 10])
    assert label_regions(regions, target(crowd, crowd=[True])).classes.tolist() == [IGNORED, IGNORED, 0, 0]
    assert label_regions(regions, target(crowd, difficult=[True])).classes.tolist() == [0, 0, 0, 0]


def test_no_regions_have_no_labels() -> None:
    for objects in (target(), target(OBJECT), target(OBJECT, crowd=[True])):
        labels = label_regions(boxes(), objects)
        assert labels.classes.shape == labels.overlap.shape == (0,)
        assert labels.matches.shape == (0, 4)


def test_a_photo_annotated_in_part_has_objects_and_no_background() -> None:
    objects = target(OBJECT, labels=[2])
    partly = Target(objects.boxes, objects.labels, partial=True)
    labels = label_regions(boxes(OBJECT, HALF, SHIFTED, FAR), partly)
    assert labels.classes.tolist() == [3, 3, IGNORED, IGNORED]
    assert label_regions(boxes(FAR), Target(boxes(), np.zeros(0, np.int64), partial=True)).classes.tolist() == [IGNORED]
