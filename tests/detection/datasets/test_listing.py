import logging
from pathlib import Path

import pytest

from detection.datasets.listing import choose_split, is_misnumbered, read_positions, read_selection, read_split

IDS = ("one", "two", "a photo", "three")


@pytest.mark.parametrize(
    ("text", "misnumbered"),
    [
        ("a 1\nb 2\nc 3\n", False),
        ("a\nb\n", False),
        ("a 1\nb 1\nc -1\n", False),  # labels
        ("a 2\nb 1\n", True),
        ("a 1\n\nb 3\n", True),
        ("a 0\nb 1\n", True),
    ],
)
def test_numbers_beside_the_images_count_the_lines_or_are_told(tmp_path, text, misnumbered):
    (tmp_path / "val.txt").write_text(text)
    assert is_misnumbered(tmp_path, "val") == misnumbered


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "not text"), (b"a\0b\n", "zero byte"), (b"\n", "lists no image")]
)
def test_what_is_no_list_is_told_with_its_name(tmp_path, content, message):
    path = tmp_path / "val.txt"
    path.write_bytes(content)
    for read in (lambda: read_split(tmp_path, "val"), lambda: read_selection(path, ["a"])):
        with pytest.raises(ValueError, match=message) as error:
            read()
        assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("choices", "taken"),
    [
        (("test", "train", "val"), "train"),
        (("train", "trainval", "val"), "trainval"),
        (("captions_train2017", "train2017", "val2017"), "train2017"),
        (("val",), "val"),
        (("train", "train2017"), None),
        (("train2014", "train2017"), None),
        (("cat_train", "dog_train"), None),
        (("test", "val"), None),
    ],
)
def test_the_split_where_none_is_named(choices, taken, caplog):
    place = Path("pets")
    if taken is None:
        how = f"as --data pets:{choices[0]}, or --set data.train_split={choices[0]} to train on it"
        with pytest.raises(ValueError, match=f"^pets: name a split: {', '.join(choices)}; {how}$"):
            choose_split(place, choices)
        return
    with caplog.at_level(logging.INFO):
        assert choose_split(place, choices) == taken
    assert caplog.messages == [f"pets: no split named, taking {taken}"]


def test_positions_in_the_order_of_the_data_set_each_once(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("three 7\n\na photo\none 1\none\n", encoding="utf-8-sig")
    assert read_selection(path, IDS) == [0, 2, 3]


PHOTOS = [Path("x/one.jpg"), Path("x/two.jpg"), Path("x/a photo.jpg"), Path("y/one.jpg")]


def test_positions_in_the_order_of_the_list_by_id_or_file(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("three 7\n\na photo 3\n./far/two.jpg\none\n")
    assert read_positions(path, IDS, PHOTOS) == [3, 2, 1, 0]
    path.write_text("a photo.jpg\n")
    assert read_positions(path, IDS, PHOTOS) == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one.jpg", "list.txt:1: image 'one.jpg': 2 photos have this name"),
        ("two\nfour", "list.txt:2: image 'four': not among the 4 of the data set"),
        ("two\nx/two.jpg", "list.txt:2: lists image 'x/two.jpg' twice"),
        ("", "list.txt: lists no image"),
    ],
)
def test_lists_that_cannot_be_meant(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_positions(path, IDS, PHOTOS)


def test_an_unknown_image_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("one\nfour 1\n")
    with pytest.raises(ValueError, match=r"list\.txt:2: image 'four' is not among the 4 of the data set"):
        read_selection(path, IDS)
