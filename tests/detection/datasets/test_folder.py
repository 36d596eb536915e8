"""Plain folders of photos."""

from pathlib import Path

import pytest

from detection.datasets.folder import open_folder
from tests.contracts import assert_is_dataset
from tests.detection.datasets.trees import write, write_photo


def test_every_image_below_sorted_by_id(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.jpg", "sub/deep/c.png", "a.png", "sub/.thumb.jpg", ".cache/d.jpg"):
        write_photo(tmp_path / name)
    write(tmp_path / "notes.txt", "no image")
    dataset = open_folder(tmp_path)
    assert_is_dataset(dataset)
    assert dataset.ids == ("a.jpg", "a.png", "b.JPG", "sub/deep/c.png")
    assert dataset.path(3) == tmp_path / "sub/deep/c.png"
    assert dataset.class_names == ()
    assert len(dataset.target(0)) == 0
    assert open_folder(tmp_path, ("cat",)).class_names == ("cat",)


def test_one_photo(tmp_path: Path) -> None:
    dataset = open_folder(write_photo(tmp_path / "a.jpg"))
    assert_is_dataset(dataset)
    assert dataset.ids == ("a.jpg",)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no image there \(looked for \.bmp, \.gif, \.jfif, \.jpe, \.jpeg, \.jpg"):
        open_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*absent"):
        open_folder(tmp_path / "absent")
