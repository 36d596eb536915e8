"""Which image a text names."""

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.image_names import ImageNames, path_ends, without_suffix

# The ids 1 and 2 are not the numbers of their photos; 7 and 8 share a name, 9 and 10 all of it but the suffix.
PHOTOS = {"1": "x/2.jpg", "2": "x/1.jpg", "7": "x/cat.jpg", "8": "y/cat.jpg", "9": "y/dog.png", "10": "y/dog.jpg"}
NAMES = ImageNames(list(PHOTOS), [Path("/data", path) for path in PHOTOS.values()])


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("1", ["1"]),  # an id
        ("1.jpg", ["2"]),  # a photo, before the id without its suffix
        ("somewhere/else/1.jpg", ["2"]),
        ("1.JPEG", ["2"]),
        (r"C:\x\1.jpg", ["2"]),
        ("x/9.png", ["9"]),  # no photo, so the id
        ("cat", ["7", "8"]),
        ("cat.jpg", ["7", "8"]),
        ("z/cat.jpg", ["7", "8"]),
        ("z/y/cat.jpg", ["8"]),
        (r"y\cat", ["8"]),
        ("dog", ["9", "10"]),
        ("y/dog", ["9", "10"]),
        ("z/dog.png", ["9"]),
        ("dog.webp", ["9", "10"]),
        ("1.5", []),  # 5 is no suffix
        ("", []),
        (".jpg", []),
        ("nobody", []),
    ],
)
def test_what_a_text_names(text: str, ids: list[str]) -> None:
    assert [NAMES.ids[position] for position in NAMES.find(text)] == ids


def test_the_first_of_several_texts_that_names_an_image_counts_but_an_id_before_all() -> None:
    assert list(NAMES.find("nobody", "dog.png", "cat")) == [4]
    assert list(NAMES.find("dog.png", "10")) == [5]
    assert list(NAMES.find()) == []


def test_without_photos_the_ids_are_their_names() -> None:
    names = ImageNames(["train/a", "b.jpg", "c/d.jpg", "e/d.png"])
    texts = ("a", "a.jpg", "far/train/a.png", "b", "d.jpg", "c/d")
    assert [list(names.find(text)) for text in texts] == [[0], [0], [0], [1], [2], [2]]
    assert len(names.find("d")) == 2


def test_one_photo_under_two_ids_is_not_told_apart() -> None:
    assert list(ImageNames(["1", "2"], [Path("a/b.jpg"), Path("a/b.jpg")]).find("b.jpg")) == [0, 1]


@pytest.mark.parametrize(
    ("name", "bare"),
    [("a.jpg", "a"), ("a.JPEG", "a"), ("b/a.b.png", "b/a.b"), ("a.b", "a.b"), ("a/.jpg", "a/.jpg"), ("jpg", "jpg")],
)
def test_the_suffix_of_an_image_file_is_none_of_its_name(name: str, bare: str) -> None:
    assert without_suffix(name) == bare


def test_the_ends_of_a_path() -> None:
    assert list(path_ends(r"a\b.jpg")) == ["a/b.jpg", "a/b", "b.jpg", "b"]


parts = st.lists(st.sampled_from(["a", "b", "c.d"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(st.tuples(parts, st.sampled_from([".jpg", ".png"])).map("".join), unique=True, max_size=8))
def test_a_path_names_all_photos_that_it_may_be_and_no_other(paths: list[str]) -> None:
    names = ImageNames([str(number) for number in range(len(paths))], [Path("/data", path) for path in paths])
    for path in paths:
        ends = [index for index, other in enumerate(paths) if f"/{other}".endswith(f"/{path}")]
        assert list(names.find(path)) == ends
        assert list(names.find(f"/data/{path}")) == [paths.index(path)]


@pytest.mark.parametrize("make", [lambda n: f"{n}/rgb.png", lambda n: f"{n}.png", lambda n: f"{n % 2}/{n // 2}.png"])
def test_many_photos_are_found_in_a_moment(make) -> None:
    """Of one name in a folder each as well: nothing is compared with all others."""
    paths = [Path(make(number)) for number in range(30_000)]
    start = process_time()
    names = ImageNames([f"id{number}" for number in range(len(paths))], paths)
    assert all(list(names.find(f"far/{path}")) == [index] for index, path in enumerate(paths))
    assert process_time() - start < 10
