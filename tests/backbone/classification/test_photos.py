"""Labelled photos: class folders, lists, names, and what is refused."""

from pathlib import Path

import pytest

from backbone.classification.photos import UnknownClassError, class_folders, open_photos, read_class_names

SUFFIXES = {".png", ".jpg"}


def folders(root: Path, *photos: str) -> Path:
    for photo in photos:
        (root / photo).parent.mkdir(parents=True, exist_ok=True)
        (root / photo).write_bytes(b"")
    return root


def test_folders_are_classes_in_sorted_order(tmp_path: Path) -> None:
    photos = class_folders(
        folders(tmp_path, "dog/b.png", "cat/x/2.JPG", "cat/1.jpg", "cat/read.me", ".x/1.jpg"), SUFFIXES
    )
    assert photos.class_names == ("cat", "dog")
    assert [path.relative_to(tmp_path).as_posix() for path in photos.paths] == ["cat/1.jpg", "cat/x/2.JPG", "dog/b.png"]
    assert photos.labels == (0, 0, 1)


def test_known_classes_keep_their_numbers(tmp_path: Path) -> None:
    """By the whole name or the WordNet id before it; a class may have no folder."""
    root = folders(tmp_path, "n02012849/1.png", "dog/1.png")
    assert class_folders(root, SUFFIXES, ["n01440764 tench", "dog", "n02012849 crane"]).labels == (1, 2)


def test_a_folder_is_not_a_class_whose_name_begins_alike(tmp_path: Path) -> None:
    root = folders(tmp_path, "horse/1.png", "car wheel/1.png")
    with pytest.raises(UnknownClassError, match="folder 'horse' is none of the 2 classes"):
        class_folders(root, SUFFIXES, ["car wheel", "horse cart"])


def test_wordnet_folders_are_in_the_order_of_imagenet(tmp_path: Path) -> None:
    root = folders(tmp_path, "n00000009/1.png", "n00000002/1.png")
    assert class_folders(root, SUFFIXES, ["first", "second"]).labels == (0, 1)
    with pytest.raises(
        UnknownClassError, match=r"folder 'n00000002' is none of the 3 classes \(first, second, third\)$"
    ):
        class_folders(root, SUFFIXES, ["first", "second", "third"])


def test_folders_of_other_classes_are_never_taken_by_order(tmp_path: Path) -> None:
    with pytest.raises(UnknownClassError, match="folder 'chat' is none of the 2 classes"):
        class_folders(folders(tmp_path, "chat/1.png", "chien/1.png"), SUFFIXES, ["cat", "dog"])


@pytest.mark.parametrize("text", ["a b.jpg 1\nc.jpg 0\n", "\ufeffa b.jpg\t1\r\nc.jpg   0"], ids=["plain", "Windows"])
def test_a_list_gives_the_numbers(tmp_path: Path, text: str) -> None:
    root = folders(tmp_path, "JPEGImages/a b.jpg", "JPEGImages/c.jpg")
    (root / "labels.txt").write_bytes(text.encode())
    photos = open_photos(root, SUFFIXES, ["cat", "dog"])
    assert photos.labels == (1, 0)
    assert all(path.is_file() for path in photos.paths)


@pytest.mark.parametrize("line", ["c.jpg", "c.jpg 2", "c.jpg -1", "7", "c.jpg cat", "", "\t1"])
def test_a_bad_line_of_a_list_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "labels.txt").write_text(f"a.jpg 1\n{line}\n")
    with pytest.raises(ValueError, match=r"labels.txt, line 2: expected a file and a class number below 2, got '"):
        open_photos(tmp_path, SUFFIXES, ["cat", "dog"])


def test_the_folder_val_is_measured_where_there_is_one(tmp_path: Path) -> None:
    root = folders(tmp_path, "train/cat/1.png", "val/cat/2.png")
    assert [path.name for path in open_photos(root, SUFFIXES, ["cat"]).paths] == ["2.png"]


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        class_folders(tmp_path / "absent", SUFFIXES)
    with pytest.raises(ValueError, match="no folders there; expected one a class"):
        class_folders(tmp_path, SUFFIXES)
    (tmp_path / "cat").mkdir()
    with pytest.raises(ValueError, match=r"cat: a class without a photo \(looked for \.jpg, \.png\)"):
        class_folders(tmp_path, SUFFIXES)


def test_the_digest_knows_classes_files_and_labels(tmp_path: Path) -> None:
    root = folders(tmp_path, "cat/1.png", "dog/1.png")
    first = class_folders(root, SUFFIXES)
    assert class_folders(root, SUFFIXES).digest() == first.digest()
    assert class_folders(root, SUFFIXES, ["dog", "cat"]).digest() != first.digest()
    assert class_folders(folders(root, "cat/2.png"), SUFFIXES).digest() != first.digest()


def test_class_names_stand_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("n01440764 tench, Tinca tinca\n\nn01443537 goldfish\n")
    assert read_class_names(path) == ("n01440764 tench, Tinca tinca", "n01443537 goldfish")
    path.write_text("cat\n\n dog \n", encoding="utf-8-sig")
    assert read_class_names(path) == ("cat", "dog")
    path.write_text("\n")
    with pytest.raises(ValueError, match="no class names in it"):
        read_class_names(path)
