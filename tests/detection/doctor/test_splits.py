"""Lists that are splits, and lists that others make up."""

from pathlib import Path

import pytest

from detection.doctor.splits import independent


@pytest.mark.parametrize(
    ("lists", "kept"),
    [
        ({"train": "ab", "trainval": "abcd", "val": "cd"}, ["train", "val"]),
        ({"test": "ef", "train": "ab", "trainval": "abcd", "val": "cd"}, ["test", "train", "val"]),
        ({"cat_train": "ab", "dog_train": "ab", "train": "ab"}, ["train"]),
        ({"val": "abcd", "val1": "ab", "val2": "cd"}, ["val1", "val2"]),
        ({"train": "ab", "val": "ab"}, ["train", "val"]),  # a leak
        ({"train": "abcd", "val": "cd"}, ["train", "val"]),  # a leak
        ({"train": "abcd", "val": "ab", "test": "cd"}, ["train", "val", "test"]),  # a leak
        ({"train": "ab", "trainval": "abce", "val": "cd"}, ["train", "trainval", "val"]),
        ({"train": "ab", "val": ""}, ["train", "val"]),
    ],
)
def test_which_lists_are_looked_at(lists: dict[str, str], kept: list[str]) -> None:
    assert independent({name: {Path(photo) for photo in photos} for name, photos in lists.items()}) == kept
