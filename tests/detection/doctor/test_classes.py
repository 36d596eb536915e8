"""Names that may mean the same, and numbers that are odd."""

from pathlib import Path

import pytest

from detection.doctor.classes import class_cases
from detection.doctor.contents import Contents, Entry, Thing


def contents(**splits: dict[str, int]) -> Contents:
    """Splits with so many objects of each class, all in one photo."""
    names = tuple(sorted({name for counts in splits.values() for name in counts}))
    entries = tuple(
        Entry(
            split,
            Path("a.jpg"),
            "a.jpg",
            None,
            tuple(Thing("object", name, (0, 0, 9, 9), True) for name, count in counts.items() for _ in range(count)),
        )
        for split, counts in splits.items()
    )
    return Contents("voc", Path("data"), tuple(splits), (), names, entries, ())


def told(**splits: dict[str, int]) -> list[tuple[str, str | None]]:
    return [(case.kind.code, case.object) for case in class_cases(contents(**splits))]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("cat", "Cat"),
        ("traffic light", "traffic_light"),
        ("cat", " cat"),
        ("bus", "buses"),
        ("berry", "berries"),
        ("bicycle", "bicicle"),
        ("bicycle", "bicyle"),
        ("bicycle", "biccycle"),
        ("bicycle", "bicylce"),
    ],
)
def test_names_that_may_mean_the_same(name: str, other: str) -> None:
    assert [code for code, _ in told(train={name: 1000, other: 20})] == ["similar-names"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("cat", "car"),
        ("RBC", "WBC"),
        ("type 1", "type 2"),
        ("bear", "pear"),
        ("mouse", "monkey"),
        ("chair", "armchair"),
    ],
)
def test_names_of_their_own(name: str, other: str) -> None:
    assert told(train={name: 1000, other: 20}) == []


def test_one_letter_is_a_typing_error_only_where_it_is_rare() -> None:
    assert told(train={"mouse": 500, "house": 300}) == []


def test_numbers() -> None:
    assert told(train={"cat": 10, "dog": 999}) == []
    assert told(train={"cat": 10, "dog": 1000}) == [("uneven-classes", None)]
    assert told(train={"cat": 9, "dog": 10}) == [("few-objects", "cat")]
    assert told(train={"cat": 10}, val={"cat": 9}) == [("few-objects", "cat")]
    assert told(train={"cat": 10, "dog": 10}, val={"cat": 10}) == [("absent-class", "dog")]


def test_a_split_without_annotations_has_no_say() -> None:
    assert told(train={"cat": 10}, test={"cat": 0}) == []
    assert told(test={}) == []
