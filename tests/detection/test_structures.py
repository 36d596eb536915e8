"""The structures that travel between the stages: what they accept, what they refuse, how they are indexed."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.structures import Detections, Proposals, Target
from tests.contracts import assert_is_detections, assert_is_target

BOXES = np.array([[0, 0, 4, 4], [1, 2, 3, 9], [5, 5, 6, 8]], np.float32)
XYWH = np.array([[0, 0, 4, 4], [1, 2, 2, 7], [5, 5, 1, 3]]) + 0.1
IMAGE = np.zeros((10, 10, 3), np.uint8)


def detections(count: int = 3) -> Detections:
    return Detections(BOXES[:count], np.array([0.9, 0.5, 0.1], np.float32)[:count], np.array([2, 0, 1])[:count])


def target(count: int = 3) -> Target:
    return Target(
        BOXES[:count],
        np.array([0, 1, 1])[:count],
        difficult=np.array([True, False, False])[:count],
        crowd=np.array([False, False, True])[:count],
        areas=np.array([3.5, 14, 2])[:count],
        xywh=XYWH[:count],
    )


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_every_column_is_indexed_alike(choice: list[bool]) -> None:
    mask = np.array(choice)
    kept = target()[mask]
    assert np.array_equal(kept.boxes, BOXES[mask])
    assert np.array_equal(kept.xywh, XYWH[mask])
    assert kept.labels.tolist() == [label for label, keep in zip([0, 1, 1], choice, strict=True) if keep]
    assert kept.difficult.tolist() == [flag for flag, keep in zip([True, False, False], choice, strict=True) if keep]
    assert kept.crowd.tolist() == [flag for flag, keep in zip([False, False, True], choice, strict=True) if keep]
    assert kept.areas.tolist() == [size for size, keep in zip([3.5, 14, 2], choice, strict=True) if keep]
    found = detections()[mask]
    assert len(found) == sum(choice)
    assert np.array_equal(found.scores, detections().scores[mask])
    assert np.array_equal(found.labels, detections().labels[mask])
    assert np.array_equal(Proposals(BOXES)[mask].boxes, BOXES[mask])


@given(st.permutations(range(3)))
def test_an_order_may_be_given(order: list[int]) -> None:
    found = detections()[np.array(order)]
    assert found.scores.tolist() == detections().scores[order].tolist()
    assert np.array_equal(found.boxes, BOXES[order])


def test_a_slice_takes_the_first() -> None:
    assert detections()[:2].labels.tolist() == [2, 0]
    assert len(target()[:0]) == 0


@pytest.mark.parametrize("row", [1, -2, np.int64(1)])
def test_one_row_is_still_a_table(row: int) -> None:
    for whole in (detections(), target(), Proposals(BOXES, np.array([3, 2, 1]))):
        assert np.array_equal(whole[row].boxes, BOXES[1:2])
    with pytest.raises(IndexError):
        detections()[3]


@pytest.mark.parametrize("rows", [[0, 2], (0, 2), [True, False, True], [-3, -1]], ids=str)
def test_a_list_names_rows(rows: list[int]) -> None:
    for whole in (detections(), target(), Proposals(BOXES)):
        assert np.array_equal(whole[rows].boxes, BOXES[[0, 2]])
        assert len(whole[[]]) == 0


def test_equal_columns_make_equal_structures() -> None:
    for make in (detections, target, lambda count=3: Proposals(BOXES[:count], np.array([3, 2, 1])[:count])):
        assert make() == make()
        assert make() == make()[:]
        assert make(0) == make()[[]]
        assert make() != make(2)
        assert make() != make()[[1, 0, 2]]
    assert detections() != replace(detections(), fallback="windows")
    assert replace(target(), xywh=None) == replace(target(), xywh=None) != target()
    assert detections() != Proposals(BOXES)
    assert detections() != BOXES.tolist()


def test_arrays_have_no_hash_and_neither_have_structures() -> None:
    for one in (detections(), target(), Proposals(BOXES)):
        with pytest.raises(TypeError, match=f"unhashable type: '{type(one).__name__}'"):
            hash(one)


def pickled(one: object) -> object:
    """As it comes out of another process."""
    return pickle.loads(pickle.dumps(one))  # noqa: S301  # our own


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled, replace])
def test_a_copy_is_equal(again: Callable[[object], object]) -> None:
    for one in (detections(), target(), Proposals(BOXES, fallback="windows")):
        assert again(one) == one


def test_defaults() -> None:
    plain = Target(BOXES, np.array([0, 1, 1]))
    assert not plain.difficult.any()
    assert not plain.crowd.any()
    assert plain.areas.tolist() == [16, 14, 3]
    assert Proposals(BOXES).scores.tolist() == [0, 0, 0]


def test_columns_get_their_types() -> None:
    wide = Target([[0, 0, 4, 4]], [1], [1], [0], [16])
    assert_is_target(wide, classes=2)
    assert wide.difficult.tolist() == [True]
    found = Detections([[0, 0, 4, 4]], [0.5], [1])
    assert_is_detections(found, IMAGE, classes=2)


def test_nothing_is_ordinary() -> None:
    assert_is_target(Target(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), classes=0)
    assert_is_detections(Detections.empty(), IMAGE, classes=0)
    assert len(Proposals(np.zeros((0, 4), np.float32))) == 0
    nothing = np.zeros(0, bool)
    assert len(Detections.empty()[nothing]) == len(Detections.empty()[np.zeros(0, np.int64)]) == 0


@pytest.mark.parametrize(
    ("box", "name"),
    [([3, 3, 3, 5], "no width"), ([3, 3, 5, 3], "no height"), ([5, 3, 3, 5], "inverted")],
)
def test_a_target_without_area_is_refused(box: list[float], name: str) -> None:
    with pytest.raises(ValueError, match="object 1 has a box without area"):
        Target(np.array([[0, 0, 1, 1], box], np.float32), np.array([0, 0]))


@pytest.mark.parametrize("column", ["labels", "difficult", "crowd", "areas"])
@pytest.mark.parametrize("values", [np.zeros(2), np.zeros(4), np.zeros((3, 1))], ids=["short", "long", "deep"])
def test_a_column_of_another_length_is_refused(column: str, values: NDArray[np.float64]) -> None:
    columns = {"labels": np.zeros(3, np.int64), column: values}
    with pytest.raises(ValueError, match=f"{column}: expected 3 values, one a box, got shape"):
        Target(BOXES, **columns)  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [-1, 0.5, 1.9])
def test_a_label_that_names_no_class_is_refused(label: float) -> None:
    """-1 would name the last class, and 1.9 the second."""
    labels = np.array([0, label, 1])
    for make in (lambda: Target(BOXES, labels), lambda: Detections(BOXES, np.zeros(3, np.float32), labels)):
        with pytest.raises(ValueError, match=f"box 1 has the label {label}"):
            make()


def test_scores_must_be_numbers_and_as_many_as_boxes() -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        Detections(BOXES, np.array([0.1, np.nan, 0.2], np.float32), np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="scores: expected 3 values"):
        Detections(BOXES, np.zeros(2, np.float32), np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="proposal scores: expected 3 values"):
        Proposals(BOXES, np.zeros(2, np.float32))


def test_the_structures_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        detections().boxes = BOXES  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        target().labels = np.zeros(3, np.int64)  # type: ignore[misc]


def test_detections_are_iterated_one_by_one() -> None:
    detections = Detections(np.array([[0, 0, 2, 2], [1, 1, 5, 5]]), np.array([0.9, 0.5]), np.array([3, 1]))
    assert [(box.tolist(), round(score, 2), label) for box, score, label in detections] == [
        ([0, 0, 2, 2], 0.9, 3),
        ([1, 1, 5, 5], 0.5, 1),
    ]
    assert list(Detections.empty()) == []


def test_a_fallback_stays_with_what_was_made_by_it():
    boxes = np.array([[0, 0, 1, 1], [0, 0, 2, 2]], np.float32)
    assert Proposals(boxes, fallback="grid")[:1].fallback == "grid"
    assert Detections(boxes, np.ones(2), np.zeros(2, np.int64), "grid")[np.array([True, False])].fallback == "grid"
    assert Proposals(boxes)[:1].fallback is Detections.empty().fallback is None


def test_stated_boxes_are_as_many_as_the_boxes() -> None:
    with pytest.raises(ValueError, match=r"xywh: expected the shape \(2, 4\) of the boxes, got \(3, 4\)"):
        Target(BOXES[:2], np.array([0, 1]), xywh=XYWH)
    assert Target(BOXES[:2], np.array([0, 1]))[:1].xywh is None
