"""Data sets made of others."""

from pathlib import Path

import pytest

from detection.datasets.combine import in_part, join_datasets, leave_out
from detection.datasets.voc import open_voc
from tests.contracts import assert_is_dataset, labels_by_name
from tests.detection.datasets.trees import write_voc
from tests.detection.rectangles import rectangles

BOX = (1, 1, 9, 9)
PHOTOS = {"a": [("dog", *BOX)], "b": [("cat", *BOX), ("dog", *BOX)], "c": [("bird", *BOX)], "d": []}


def test_splits_are_joined_in_order_and_classes_by_their_names(tmp_path: Path) -> None:
    root = write_voc(tmp_path, PHOTOS, {"one": "da", "two": "cb"})
    one, two = open_voc(root, "one"), open_voc(root, "two")
    assert (one.class_names, two.class_names) == (("dog",), ("bird", "cat", "dog"))
    both = join_datasets({"one": one, "two": two})
    assert_is_dataset(both)
    assert both.ids == ("d", "a", "c", "b")
    assert both.class_names == ("bird", "cat", "dog")
    assert labels_by_name(both) == {"bird": 1, "cat": 1, "dog": 2}
    assert both.target(1).labels.tolist() == [2]
    assert both.path(1) == one.path(1)


def test_the_order_of_classes_stays_where_all_have_the_same() -> None:
    one, two = rectangles(2), rectangles(2, seed=1)
    both = join_datasets({"one": one, "two": two})
    assert both.class_names == ("red", "blue")
    assert both.ids == ("one/photo0", "one/photo1", "two/photo0", "two/photo1")  # the ids alone would be the same
    assert [target.labels.tolist() for target in both.targets] == [[0, 1]] * 4


def test_a_photo_in_two_parts_is_refused(tmp_path: Path) -> None:
    root = write_voc(tmp_path, PHOTOS, {"one": "ab", "two": "bc"})
    with pytest.raises(ValueError, match=r"b\.jpg is in one and in two: it would count twice"):
        join_datasets({"one": open_voc(root, "one"), "two": open_voc(root, "two")})


def test_photos_are_left_out_by_their_ids() -> None:
    kept = leave_out(rectangles(4), {"photo2", "photo0", "unknown"})
    assert kept.ids == ("photo1", "photo3")
    assert kept.path(1) == rectangles(4).path(3)
    assert kept.target(0).boxes.tolist() == rectangles(4).target(1).boxes.tolist()


def test_what_is_annotated_in_part_says_so_and_goes_on_saying_it() -> None:
    photos = rectangles(2)
    part = in_part(photos)
    assert [target.partial for target in part.targets] == [True, True]
    assert part.target(0)[:1].partial
    assert leave_out(part, ()).target(1).partial
    both = join_datasets({"part": part, "whole": rectangles(1, seed=1)})
    assert [target.partial for target in both.targets] == [True, True, False]
