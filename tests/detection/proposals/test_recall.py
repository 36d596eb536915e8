import math

import numpy as np
import pytest

from detection.boxes import iou
from detection.proposals.recall import coverage
from detection.structures import Proposals, Target

NAMES = ("cat", "dog", "cow")


def target(boxes, labels, **flags):
    return Target(np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64), **flags)


def proposals(*boxes):
    return Proposals(np.array(boxes, np.float32).reshape(-1, 4))


HALF = [0, 0, 10, 5]  # half of WHOLE
WHOLE = [0, 0, 10, 10]
FAR = [50, 50, 60, 60]


def test_by_hand():
    found = coverage(
        [
            (proposals(FAR, HALF, WHOLE), target([WHOLE, FAR], [0, 1])),
            (proposals(HALF), target([WHOLE], [0])),
        ],
        NAMES,
        budgets=(1, 2),
    )
    assert found.best.tolist() == [[0, 0.5, 1], [1, 1, 1], [0.5, 0.5, 0.5]]
    assert found.labels.tolist() == [0, 1, 0]
    assert [found.recall(0.5, column) for column in range(3)] == pytest.approx([2 / 3, 1, 1])
    assert found.recall(0.7) == pytest.approx(2 / 3)
    assert found.average_best_overlap() == pytest.approx(2.5 / 3)
    assert found.mean_average_best_overlap() == pytest.approx((0.75 + 1) / 2)
    assert found.of_class(0).recall(0.7) == 0.5
    assert (found.images, found.proposals, found.per_image) == (2, 4, 2)


def test_difficult_objects_and_crowds_are_not_counted():
    objects = target([WHOLE, FAR, HALF], [0, 1, 2], difficult=np.array([True, False, False]), crowd=np.array([0, 0, 1]))
    assert coverage([(proposals(FAR), objects)], NAMES).labels.tolist() == [1]


def test_an_image_without_proposals_covers_nothing():
    found = coverage([(proposals(), target([WHOLE], [0]))], NAMES)
    assert found.recall(0.5) == found.average_best_overlap() == 0


def test_what_has_no_objects_is_undefined():
    for images in ([], [(proposals(WHOLE), target([], []))]):
        found = coverage(images, NAMES)
        assert math.isnan(found.recall(0.5))
        assert math.isnan(found.average_best_overlap())
        assert math.isnan(found.mean_average_best_overlap())
    found = coverage([(proposals(WHOLE), target([WHOLE], [0]))], NAMES)
    assert math.isnan(found.of_class(1).recall(0.5))
    assert found.mean_average_best_overlap() == 1


def test_best_overlaps_are_those_of_a_plain_search():
    random = np.random.default_rng(0)
    corners = random.uniform(0, 50, (40, 2))
    boxes = np.concatenate([corners, corners + random.uniform(1, 40, (40, 2))], axis=1)
    objects = target(boxes[:7] + 3, random.integers(0, 3, 7))
    found = coverage([(proposals(*boxes), objects)], NAMES, budgets=(5, 17, 1000))
    for column, budget in enumerate((5, 17, 1000, 40)):
        assert (found.best[:, column] == iou(proposals(*boxes[:budget]).boxes, objects.boxes).max(axis=0)).all()
