"""ILSVRC DET trees, and flat folders of ImageNet annotations."""

import csv
import logging
from pathlib import Path

import pytest

from detection.datasets.combine import pick
from detection.datasets.ilsvrc import det_200, is_flat_ilsvrc, open_ilsvrc
from tests.contracts import assert_is_dataset, labels_by_name
from tests.detection.datasets.trees import annotation_xml, write, write_det, write_photo, write_voc

DOG, CAR, SNAKE = "n02084071", "n02958343", "n01751748"  # the last is of the classification task
VAL = {
    "ILSVRC2012_val_00000002": [(DOG, 0, 0, 39, 29), (CAR, 5, 5, 10, 10)],
    "ILSVRC2012_val_00000001": None,
    "ILSVRC2013_val_00000003": [],
}


def test_the_200_classes() -> None:
    names = list(det_200().values())
    assert len(det_200()) == len(set(names)) == 200
    assert (names[0], names[57], names[199]) == ("accordion", "dog", "zebra")  # DET ids 1, 58 and 200
    assert (det_200()[DOG], det_200()[CAR]) == ("dog", "car")


def test_the_200_classes_are_the_challenges(shared: Path) -> None:
    with (shared / "data/ilsvrc_det/det200_synsets.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [int(row["id"]) for row in rows] == list(range(1, 201))
    assert list(det_200().items()) == [(row["wnid"], row["name"]) for row in rows]


def test_a_tree(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_det(tmp_path / "ILSVRC", "val", VAL)
    with caplog.at_level(logging.WARNING):
        dataset = open_ilsvrc(root)
    assert_is_dataset(dataset)
    assert dataset.class_names == tuple(det_200().values())
    assert dataset.ids == tuple(VAL)
    assert dataset.path(0) == root / "Data/DET/val/ILSVRC2012_val_00000002.JPEG"
    assert dataset.target(0).labels.tolist() == [57, dataset.class_names.index("car")]
    assert dataset.target(0).boxes.tolist() == [[-1, -1, 39, 29], [4, 4, 10, 10]]  # as the official score has them
    assert len(dataset.target(1)) == len(dataset.target(2)) == 0
    assert [record.getMessage() for record in caplog.records] == [
        f"{root}: 1 of 3 photos have no annotation file: without objects"
    ]
    assert open_ilsvrc(tmp_path, "val").ids == dataset.ids


def test_lists_of_a_part_of_a_set(tmp_path: Path) -> None:
    root = write_det(tmp_path, "val", VAL)
    write(root / "ImageSets/DET/val2.txt", "ILSVRC2012_val_00000002 7\n")
    assert open_ilsvrc(root, "val2").ids == ("ILSVRC2012_val_00000002",)
    assert_is_dataset(open_ilsvrc(root, "val2"))


def test_train_ids_hold_folders(tmp_path: Path) -> None:
    name = "ILSVRC2013_train/n02084071/n02084071_11478"
    root = write_det(tmp_path, "train", {name: [(DOG, 1, 1, 9, 9)]})
    write(root / "ImageSets/DET/train_58.txt", f"{name} 1\n")
    for split in ("train", "train_58"):
        dataset = open_ilsvrc(root, split)
        assert dataset.ids == (name,)
        assert_is_dataset(dataset)


def test_the_split_that_is_taken_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_det(tmp_path, "val", VAL)
    with caplog.at_level(logging.INFO):
        open_ilsvrc(root)
        open_ilsvrc(root, "val")
    assert caplog.messages.count(f"{root}: no split named, taking val") == 1


def test_splits_that_are_not_there(tmp_path: Path) -> None:
    root = write_det(tmp_path, "val", VAL)
    with pytest.raises(FileNotFoundError, match="no split 'vall'; did you mean 'val'"):
        open_ilsvrc(root, "vall")
    write(root / "ImageSets/DET/train.txt", "a 1\n")
    with pytest.raises(FileNotFoundError, match=r"split 'train' needs the folder .*Data.DET.train, or .*Annotations"):
        open_ilsvrc(root, "train")
    write_photo(root / "Data/DET/train/a.JPEG")
    with pytest.raises(FileNotFoundError, match="none of the 1 images of split 'train' is annotated"):
        open_ilsvrc(root, "train")


def test_the_test_set_has_no_annotations(tmp_path: Path) -> None:
    dataset = open_ilsvrc(write_det(tmp_path, "test", {"ILSVRC2013_test_00000001": None}), "test")
    assert_is_dataset(dataset)
    assert len(dataset.target(0)) == 0


def test_objects_beyond_the_200_classes_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_det(tmp_path, "val", {"a": [(SNAKE, 1, 1, 5, 5), (DOG, 1, 1, 9, 9)]})
    with caplog.at_level(logging.WARNING):
        assert open_ilsvrc(root).target(0).labels.tolist() == [57]
    assert f"objects beyond the 200 classes are left out: {SNAKE}" in caplog.text


def test_classes_by_either_name(tmp_path: Path) -> None:
    root = write_det(tmp_path, "val", VAL)
    dataset = open_ilsvrc(root, class_names=("car", DOG, "zebra"))
    assert dataset.class_names == ("car", DOG, "zebra")
    assert labels_by_name(dataset) == {"car": 1, DOG: 1, "zebra": 0}
    with pytest.raises(ValueError, match=r"no class 'zebar'; did you mean 'zebra'\? There are: accordion, .* 160 more"):
        open_ilsvrc(root, class_names=("zebar",))
    with pytest.raises(ValueError, match=f"named twice, by its name and its WordNet id: car, {CAR}"):
        open_ilsvrc(root, class_names=("car", CAR))


def test_a_flat_folder_of_the_200_classes(tmp_path: Path) -> None:
    write_voc(tmp_path, {"b": [(DOG, 1, 1, 9, 9)]}, images=False)
    for name in ("a", "b"):
        write_photo(tmp_path / "JPEGImages" / f"{name}.JPEG")
    dataset = open_ilsvrc(tmp_path)
    assert_is_dataset(dataset)
    assert dataset.ids == ("a", "b")
    assert dataset.class_names == tuple(det_200().values())
    assert [len(target) for target in dataset.targets] == [0, 1]
    with pytest.raises(FileNotFoundError, match="no split 'val'; a flat folder has none"):
        open_ilsvrc(tmp_path, "val")


def test_what_macos_leaves_behind_in_a_flat_folder_is_no_data(tmp_path: Path) -> None:
    write_voc(tmp_path, {"a": [(DOG, 1, 1, 9, 9)]})
    for name in ("Annotations/._a.xml", "JPEGImages/._a.jpg"):
        write(tmp_path / name, "\0\5\x16\7")
    assert is_flat_ilsvrc(tmp_path)
    assert open_ilsvrc(tmp_path).ids == ("a",)


def test_a_list_may_number_its_images_otherwise(tmp_path: Path) -> None:
    root = write_det(tmp_path, "val", VAL)
    assert open_ilsvrc(root).image_numbers == ()
    write(root / "ImageSets/DET/val_half.txt", "ILSVRC2013_val_00000003 3\nILSVRC2012_val_00000002 1\n")
    half = open_ilsvrc(root, "val_half")
    assert half.image_numbers == (1, 3)
    assert half.ids == ("ILSVRC2012_val_00000002", "ILSVRC2013_val_00000003")
    assert [len(target) for target in half.targets] == [2, 0]
    assert pick(half, [1]).image_numbers == (3,)
    write(root / "ImageSets/DET/val_one.txt", "ILSVRC2013_val_00000003 7\n")
    assert open_ilsvrc(root, "val_one").image_numbers == (7,)


def test_a_flat_folder_of_other_classes(tmp_path: Path) -> None:
    write_voc(tmp_path, {"a": [(SNAKE, 1, 1, 9, 9), (DOG, 1, 1, 9, 9)]})
    dataset = open_ilsvrc(tmp_path)
    assert dataset.class_names == (SNAKE, DOG)
    assert open_ilsvrc(tmp_path, class_names=(DOG,)).target(0).labels.tolist() == [0]


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError, match=r"neither ImageSets.DET/\*\.txt nor Annotations/\*\.xml there"):
        open_ilsvrc(tmp_path)


def test_damage_is_named(tmp_path: Path) -> None:
    root = write_det(tmp_path, "val", VAL)
    file = write(root / "Annotations/DET/val/ILSVRC2012_val_00000001.xml", annotation_xml([(DOG, 9, 9, 8, 10)]))
    with pytest.raises(ValueError, match=r"object 1 \(n02084071\) has an inverted box") as caught:
        open_ilsvrc(root)
    assert str(file) in str(caught.value)


def test_the_real_imagenet_photos(shared: Path) -> None:
    dataset = open_ilsvrc(shared / "data/imagenet_val100")
    assert len(dataset) == 100
    assert sum(len(target) for target in dataset.targets) == 155
    assert len(dataset.class_names) == 93
    assert min(target.boxes.min() for target in dataset.targets) == -1  # 18 boxes begin at pixel 0 of a count from 1
    assert_is_dataset(dataset, photos=False)
