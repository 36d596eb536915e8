"""YOLO data sets: descriptions, layouts, label files."""

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detection.datasets.open import find_dataset, open_dataset
from detection.datasets.voc import open_voc
from detection.datasets.yolo import open_yolo
from detection.datasets.yolo_labels import read_labels
from detection.datasets.yolo_layout import find_yolo
from tests.contracts import assert_is_dataset, labels_by_name
from tests.detection.datasets.trees import SIZE, write, write_photo, write_voc, write_yolo, yolo_row

BOX = (4.0, 3.0, 24.0, 18.0)
CAT, DOG = yolo_row(0, BOX), yolo_row(1, (0, 0, *SIZE))
NAMES = ["cat", "dog"]
TRAIN = {"a": CAT + DOG, "b": ""}
VAL = {"c": DOG, "d": None}
ULTRALYTICS = {"path": ".", "train": "images/train", "val": "images/val", "names": dict(enumerate(NAMES))}
ROBOFLOW = {"train": "../train/images", "val": "../valid/images", "test": "../test/images", "nc": 2, "names": NAMES}


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    return write_yolo(tmp_path / "pets", {"train": TRAIN, "val": VAL}, ULTRALYTICS)


def test_a_description(yolo: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        dataset = open_yolo(yolo)
    assert_is_dataset(dataset)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.ids == ("a", "b")
    assert dataset.path(0) == yolo / "images/train/a.jpg"
    assert dataset.target(0).boxes.tolist() == [list(BOX), [0, 0, *SIZE]]
    assert dataset.target(0).labels.tolist() == [0, 1]
    assert len(dataset.target(1)) == 0
    assert caplog.messages == [f"{yolo}: no split named, taking train"]


def test_a_photo_without_a_label_file_has_no_objects(yolo: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = open_yolo(yolo / "data.yaml", "val")
    assert_is_dataset(dataset)
    assert [len(target) for target in dataset.targets] == [1, 0]
    assert caplog.messages == [f"{yolo / 'data.yaml'}: 1 of 2 photos have no label file: without objects"]


def test_classes_in_the_order_asked_for(yolo: Path) -> None:
    assert labels_by_name(open_yolo(yolo, "train", ("dog",))) == {"dog": 1}
    assert open_yolo(yolo, "train", ("dog", "cat")).target(0).labels.tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"data\.yaml: no class 'dgo'; did you mean 'dog'\?"):
        open_yolo(yolo, "train", ("dgo",))


def test_an_export_of_roboflow_lies_beside_its_description(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train": TRAIN, "valid": VAL}, ROBOFLOW, folders="{split}/images")
    assert_is_dataset(open_dataset(root))
    assert open_dataset(root, split="val").ids == ("c", "d")
    with pytest.raises(FileNotFoundError, match=r"data\.yaml: the photos of test shall be at .*: nothing is there"):
        open_dataset(root, split="test")
    with pytest.raises(FileNotFoundError, match="no split 'valid'; did you mean 'val'"):
        open_dataset(root, split="valid")


def test_a_folder_that_is_there_goes_before_one_without_the_dots(tmp_path: Path) -> None:
    write_yolo(tmp_path, {"train": {"outer": CAT}}, folders="{split}/images")
    root = write_yolo(tmp_path / "inner", {"train": TRAIN}, ROBOFLOW, folders="{split}/images")
    assert open_yolo(root).ids == ("outer",)  # as ultralytics reads it


@pytest.mark.parametrize(
    "layout", [{"train": "images"}, {"val": "images/here"}, {"train": ["images/here"], "test": "elsewhere"}]
)
def test_a_path_of_another_machine_is_taken_from_the_description(layout: dict[str, object], tmp_path: Path) -> None:
    write_yolo(tmp_path, {"here": TRAIN}, {"path": "/content/pets", "names": NAMES, **layout})
    assert_is_dataset(open_yolo(tmp_path, next(iter(layout))))


def test_folders_and_lists_of_photos(tmp_path: Path) -> None:
    description = {"names": NAMES, "train": ["images/train", "more.txt"], "val": "lists/val.txt"}
    root = write_yolo(tmp_path, {"train": TRAIN, "val": VAL}, description)
    write(root / "more.txt", f"./images/val/c.jpg\n{root / 'images/train/a.jpg'}\n")
    write(root / "lists/val.txt", "../images/val/d.jpg\nimages/val/c.jpg\n")  # from the list, from the data set
    assert open_yolo(root, "train").ids == ("a", "b", "c")
    assert_is_dataset(open_yolo(root, "val"))
    assert open_yolo(root, "val").ids == ("d", "c")
    write(root / "lists/val.txt", "images/val/c.jpg\nimages/val/e.jpg\n")
    with pytest.raises(FileNotFoundError, match=r"1 of 2 photos are missing, the first is .*e\.jpg"):
        open_yolo(root, "val")


@pytest.mark.parametrize(
    "line",
    [
        r"images\train\a.jpg",
        "data/images/train/a.jpg",
        "/content/pets/images/train/a.jpg",
        r"C:\Users\me\pets\images\train\a.jpg",
        "/data/images/pets/images/train/a.jpg",
    ],
)
@pytest.mark.parametrize("name", ["train.txt", "lists/train.txt"])
def test_lists_of_another_machine(name: str, line: str, tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train": TRAIN}, {"names": NAMES, "train": name})
    write(root / name, f"{line}\n")
    dataset = open_yolo(root)
    assert_is_dataset(dataset)
    assert len(dataset.target(0)) == 2


def test_a_path_of_another_machine_leads_to_its_own_split(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train": TRAIN, "valid": {"a": DOG}}, folders="{split}/images")
    write(root / "data.yaml", "{names: [cat, dog], train: train.txt}")
    write(root / "train.txt", "/content/pets/valid/images/a.jpg\n")
    assert open_yolo(root).path(0) == root / "valid/images/a.jpg"


@pytest.mark.parametrize("line", ["elsewhere/a.jpg", "/content/images/train/z.jpg"])
def test_photos_that_are_nowhere_are_not_photos_without_objects(line: str, tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train": TRAIN}, {"names": NAMES, "train": "train.txt"})
    write(root / "train.txt", f"{line}\n")
    with pytest.raises(
        FileNotFoundError, match=rf"none of the 1 photos of train is there, the first is .*{line[-5]}\.jpg"
    ):
        open_dataset(root)


@pytest.mark.parametrize("way", [r"images\train", r"..\images\train", r".\images\train"])
def test_a_description_written_on_windows(way: str, tmp_path: Path) -> None:
    root = write_yolo(tmp_path / "pets", {"train": TRAIN}, {"names": NAMES, "train": way})
    assert_is_dataset(open_yolo(root))
    assert open_yolo(root).ids == ("a", "b")


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        ("images/{split}", "classes.txt"),
        ("images/{split}", "labels/train/classes.txt"),
        ("{split}/images", "classes.txt"),
        ("{split}/images", "train/labels/classes.txt"),
    ],
)
def test_without_a_description(folders: str, classes: str, tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train": TRAIN, "val": VAL}, folders=folders)
    with pytest.raises(
        FileNotFoundError, match=r"nothing names the classes there: write data\.yaml .* or classes\.txt"
    ):
        open_dataset(root)
    write(root / classes, "cat\ndog\n\n")
    assert_is_dataset(open_dataset(root))
    assert open_dataset(root, split="val").ids == ("c", "d")
    assert open_dataset(root).class_names == ("cat", "dog")


@pytest.mark.parametrize("folders", ["images", "."])
def test_without_splits(folders: str, tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"": TRAIN}, folders=folders)
    write(root / "classes.txt", "cat\ndog\n")
    assert find_dataset(root).kind == "yolo"
    assert_is_dataset(open_dataset(root))
    assert open_dataset(root).ids == ("a", "b")


def test_photos_with_captions_are_no_data_set_of_yolo(tmp_path: Path) -> None:
    write_yolo(tmp_path, {"": {"a": "a cat\n"}}, folders=".")
    assert find_dataset(tmp_path).kind == "folder"


def test_photos_below_a_folder_called_images_that_is_not_theirs(tmp_path: Path) -> None:
    """Labels beside the photos are found also where a folder above is called images."""
    root = write_yolo(tmp_path / "images/mine", {"": TRAIN}, folders=".")
    write(root / "classes.txt", "cat\ndog\n")
    assert len(open_yolo(root).target(0)) == 2


def test_the_last_images_of_a_path_counts(tmp_path: Path) -> None:
    root = tmp_path / "images"
    write_photo(root / "images/train/sub/a.jpg")
    write(root / "labels/train/sub/a.txt", CAT)
    write(root / "data.yaml", "{train: images/train, names: [cat]}")
    assert len(open_yolo(root).target(0)) == 1


def test_photos_of_one_name_keep_apart(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train/one": TRAIN, "train/two": {"a": DOG, "e": CAT}}, ULTRALYTICS)
    write_photo(root / "images/train/two/e.png")
    ids = open_yolo(root).ids
    assert ids == ("images/train/one/a", "b", "images/train/two/a", "images/train/two/e.jpg", "images/train/two/e.png")


def test_an_id_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written under the name of a photo stays in the folder that it is written to."""
    write_yolo(tmp_path, {"one": TRAIN, "two": {"a": CAT}})
    write(tmp_path / "here/data.yaml", "{train: [../images/one, ../images/two], names: [cat, dog]}")
    (tmp_path / "here").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "here")
    for place in (Path(), tmp_path / "here"):
        ids = open_yolo(place).ids
        assert [Path(image_id).name for image_id in ids] == ["a", "b", "a"]
        assert not any(Path(image_id).is_absolute() or ".." in Path(image_id).parts for image_id in ids)


def test_a_photo_is_upright_as_its_labels_are(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "{train: images, names: [cat]}")
    write_photo(tmp_path / "images/a.jpg", orientation=6)
    write(tmp_path / "labels/a.txt", "0 0.5 0.5 1 0.5\n")
    dataset = open_yolo(tmp_path)
    assert_is_dataset(dataset)
    assert dataset.target(0).boxes.tolist() == [[0, 10, 30, 30]]


def test_segments_become_boxes(yolo: Path) -> None:
    write(yolo / "labels/train/a.txt", "1 0.5 0.1 0.75 0.9 0.25 0.5\n" + CAT + "0 .1 .2 .3 .2 .3 .4 .1 .4\n")
    assert np.allclose(open_yolo(yolo).target(0).boxes, [[10, 3, 30, 27], BOX, [4, 6, 12, 12]])


def test_rounded_rows_are_no_boxes_that_leave_their_photo(yolo: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(yolo / "labels/train/a.txt", "0 0.5 0.50001 1.0 1.0\n")
    assert open_yolo(yolo).target(0).boxes.tolist() == [[0, pytest.approx(0.0003, abs=1e-5), *SIZE]]
    assert not caplog.records
    write(yolo / "labels/train/a.txt", "0 0.9 0.5 0.4 1\n")
    assert open_yolo(yolo).target(0).boxes.tolist() == [[28, 0, *SIZE]]
    assert caplog.messages == [f"{yolo}: 1 of 1 boxes leave their photo, by up to 4 pixels, and were cut to it"]


ROWS = {
    "0 0.5 0.5 0.1": "expected <class> <cx> <cy> <width> <height>, or .*; got 4 numbers, '0 0.5 0.5 0.1'",
    "0 0.5 0.5 0.1 0.1 0.9": "got 6 numbers",  # a score, as in detections
    "0.5 0.5 0.5 0.1 0.1": "expected <class> <cx>",
    "cat 0.5 0.5 0.1 0.1": "expected numbers, <class> <cx> .*; got 'cat 0.5 0.5 0.1 0.1'",
    "0 0_5 0.5 0.1 0.1": "expected numbers",
    "0 nan 0.5 0.1 0.1": "expected coordinates from 0 to 1, shares of the photo's sides",
    "0 20 15 8 8": "expected coordinates from 0 to 1",
    "0 -0.02 0.5 0.1 0.1": "expected coordinates from 0 to 1",
    "2 0.5 0.5 0.1 0.1": "no class 2; there are: 0 cat, 1 dog",
    "-1 0.5 0.5 0.1 0.1": "no class -1",
    "1 0.5 0.5 0 0.1": "a dog without area: '1 0.5 0.5 0 0.1'",
    "1 0.5 0.5 0.1 -0.005": "a dog without area",
    "1 0.5 0.1 0.5 0.9 0.5 0.5": "a dog without area",
    "1 0.5 0.5 1e-12 0.5": "the box has no area in its photo of 40 x 30 pixels",
    "1 1.009 0.5 0.01 0.5": "the box lies outside its photo of 40 x 30 pixels",
}


@pytest.mark.parametrize("row", ROWS)
def test_what_is_wrong_is_named_with_its_line(row: str, yolo: Path) -> None:
    file = write(yolo / "labels/train/a.txt", f"{CAT}\n{row}\n")
    with pytest.raises(ValueError, match=ROWS[row]) as caught:
        open_yolo(yolo)
    assert str(caught.value).startswith(f"{file}:3: ")
    assert "\n" not in str(caught.value)


def test_faults_that_are_let_pass_are_left_out(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "\n".join(["0 .5 .5 .1 .1", *list(ROWS)[:12], "1 .5 .5 .2 .2"]))
    faults: list[ValueError] = []
    labels = read_labels(file, NAMES, faults.append)
    assert (labels.labels, labels.lines) == ((0, 1), (1, 14))
    assert len(faults) == 12


@pytest.mark.parametrize("names", ["{0: yes, 1: no, 2: null, 3: 1.0}", "[yes, no, null, 1.0]"])
def test_names_are_taken_as_they_are_written(names: str, tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train": {"a": "1 .5 .5 .1 .1\n"}})
    write(root / "data.yaml", f"train: images/train\nval: null\nnc: 4\nnames: {names}\n")
    assert open_yolo(root).class_names == ("yes", "no", "null", "1.0")


DESCRIPTIONS = {
    "names: [cat": "no YAML: .*line 1",
    "[cat]": "expected keys and values, as names: ",
    "train: images": "needs names, the classes in their order, as names: .*; got None",
    "{train: images, names: []}": "names no class",
    "{train: images, names: [cat, cat]}": "class 'cat' occurs twice",
    "{train: images, names: ['', cat]}": "class 0 has no name",
    "{train: images, names: {1: cat, 2: dog}}": "names must be numbered 0, 1, 2, ...; got 1, 2",
    "{train: images, names: [cat], nc: 2}": "nc is 2, but there are 1 names: cat",
    "{names: [cat]}": "says of none of train, val, test where its photos are",
    "{train: 3, names: [cat]}": "train must be a folder, a list of folders or a .*; got 3",
    "{train: images, names: [cat], kpt_shape: [17, 3]}": "labels of keypoints are not read",
}


@pytest.mark.parametrize("text", DESCRIPTIONS)
def test_descriptions_that_cannot_be_meant(text: str, tmp_path: Path) -> None:
    file = write(tmp_path / "data.yaml", text)
    write_photo(tmp_path / "images/a.jpg")
    with pytest.raises(ValueError, match=DESCRIPTIONS[text]) as caught:
        open_dataset(tmp_path)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_a_description_by_another_name(yolo: Path) -> None:
    (yolo / "data.yaml").rename(yolo / "pets.yaml")
    write(yolo / "notes.yml", "author: me")
    assert open_dataset(yolo).ids == open_dataset(f"yolo:{yolo / 'pets.yaml'}:train").ids == ("a", "b")
    write(yolo / "more.yaml", "{names: [cat], train: images}")
    with pytest.raises(ValueError, match=r"several files describe a data set, name one: .*more\.yaml, .*pets\.yaml"):
        open_dataset(yolo)


def test_classes_that_differ(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"train": TRAIN, "val": VAL})
    write(root / "labels/train/classes.txt", "cat\ndog\n")
    write(root / "labels/val/classes.txt", "dog\ncat\n")
    with pytest.raises(ValueError, match="files that name other classes"):
        find_yolo(root)


def test_several_splits_of_which_none_is_for_training(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, {"one": TRAIN, "two": VAL})
    write(root / "classes.txt", "cat\ndog\n")
    with pytest.raises(ValueError, match=rf"name a split: one, two; as --data {root}:one, or --set data\.train_split="):
        open_dataset(root)


corner = st.tuples(st.integers(1, SIZE[0]), st.integers(1, SIZE[1]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(NAMES), corner, corner), max_size=4))
def test_the_boxes_of_voc_come_back_through_yolo(tmp_path: Path, objects: list) -> None:
    boxes = [(name, *np.minimum(one, other).tolist(), *np.maximum(one, other).tolist()) for name, one, other in objects]
    voc = open_voc(write_voc(tmp_path / "voc", {"a": boxes}), class_names=None)
    target, names = voc.target(0), voc.class_names
    rows = (
        yolo_row(NAMES.index(names[label]), box)
        for label, box in zip(target.labels, target.boxes.tolist(), strict=True)
    )
    root = write_yolo(tmp_path / "yolo", {"train": {"a": "".join(rows)}}, ULTRALYTICS)
    again = open_yolo(root, class_names=names) if names else open_yolo(root)
    assert np.allclose(again.target(0).boxes, target.boxes, rtol=0, atol=1e-3)
    assert again.target(0).labels.tolist() == target.labels.tolist()
