import logging
from pathlib import Path

import pytest

from detection.datasets.listing import choose_split, read_numbers, read_positions, read_selection, read_split
from detection.image_names import ImageNames

IDS = ("one", "two", "a photo", "three")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a 1\nb 2\nc 3\n", ()),
        ("a\nb\n", ()),
        ("a 1\nb 1\nc -1\n", ()),  # labels
        ("a 1\nb -1\n", ()),
        ("a 2\nb 1\n", (2, 1)),
        ("a 1\n\nb 3\n", (1, 3)),
        ("a 7\n", (7,)),
        ("a 0\nb 1\n", ()),  # the devkit counts from 1
        ("a 2 x\nb 3 x\n", ()),
        ("a 2\nb\n", ()),
    ],
)
def test_numbers_beside_the_images_where_they_do_not_count_the_lines(tmp_path, text, numbers):
    (tmp_path / "val.txt").write_text(text)
    assert read_numbers(tmp_path, "val") == numbers
    assert read_numbers(tmp_path, "drawn") == ()


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
    assert read_positions(path, ImageNames(IDS, PHOTOS)) == [3, 2, 1, 0]
    path.write_text("a photo.jpg\n")
    assert read_positions(path, ImageNames(IDS, PHOTOS)) == [2]


@pytest.mark.parametrize(
    "line",
    [
        "a photo",
        '"a photo"',
        '"a photo" 3',
        "a photo  -1",
        "a photo.jpg 3",
        '"x/a photo.jpg"',
        r"C:\my photos\a photo.png",
    ],
)
def test_names_with_blanks_in_lists(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"{line}\ntwo\n")
    names = ImageNames((*IDS, "a", "3"), [*PHOTOS, Path("x/b.jpg"), Path("x/c.jpg")])  # nor is it the image a or 3
    assert read_positions(path, names) == [2, 1]
    assert read_selection(path, IDS) == [1, 2]
    assert read_split(tmp_path, "list", names=ImageNames(IDS)) == ("a photo", "two")


def test_an_id_counts_before_a_photo_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a 1\nb.jpg 2\n")
    names = ImageNames(("a", "other", "b.jpg", "b"), [Path("1.jpg"), Path("a 1.jpg"), Path("2.jpg"), Path("b.jpg")])
    assert read_positions(path, names) == [0, 2]


def test_a_split_lists_what_is_there_and_else_ids_without_the_suffix_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("a.jpg 1\nfar/b.PNG\nv1.5\nc.jpg\n")
    assert read_split(tmp_path, "val", names=ImageNames(("a", "x/b"))) == ("a", "x/b", "v1.5", "c")
    assert read_split(tmp_path, "val") == ("a", "far/b", "v1.5", "c")


def test_a_line_of_a_split_that_may_be_several_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("a\nb.jpg\n")
    names, faults = ImageNames(("a", "x/b", "y/b")), []
    with pytest.raises(ValueError, match=r"val\.txt:2: image 'b\.jpg': 2 photos have this name"):
        read_split(tmp_path, "val", names=names)
    assert read_split(tmp_path, "val", faults.append, names) == ("a",)
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one.jpg", "list.txt:1: image 'one.jpg': 2 photos have this name"),
        ("two\nfour", "list.txt:2: image 'four' is not among the 4 of the data set"),
        ("two\nx/two.jpg", "list.txt:2: lists image 'x/two.jpg' twice"),
        ("", "list.txt: lists no image"),
    ],
)
def test_lists_that_cannot_be_meant(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_positions(path, ImageNames(IDS, PHOTOS))


def test_an_unknown_image_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("one\nfour 1\n")
    with pytest.raises(ValueError, match=r"list\.txt:2: image 'four 1' is not among the 4 of the data set"):
        read_selection(path, IDS)
