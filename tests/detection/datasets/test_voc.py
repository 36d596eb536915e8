"""VOC folders and what is laid out like them."""

import logging
from pathlib import Path

import numpy as np
import pytest

from detection.datasets.open import find_dataset, open_dataset
from detection.datasets.voc import open_voc
from tests.contracts import assert_is_dataset, labels_by_name
from tests.detection.datasets.trees import Object, annotation_xml, object_xml, write, write_photo, write_voc

PHOTOS: dict[str, list[Object | str]] = {
    "000001": [("dog", 1, 1, 40, 30), ("cat", 5, 6, 7, 8)],
    "000002": [],
    "000003": [object_xml("cat", (2, 3, 20, 21), "<difficult>1</difficult>"), ("bird", 1, 1, 3, 3)],
}
SPLITS = {"train": ["000003", "000001"], "val": ["000002"], "trainval": ["000001", "000002", "000003"]}


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return write_voc(tmp_path / "data/VOCdevkit/VOC2007", PHOTOS, SPLITS)


def test_a_year_folder(voc: Path) -> None:
    dataset = open_voc(voc, "trainval")
    assert_is_dataset(dataset)
    assert dataset.class_names == ("bird", "cat", "dog")
    assert dataset.ids == ("000001", "000002", "000003")
    assert dataset.path(0) == voc / "JPEGImages" / "000001.jpg"
    first = dataset.target(0)
    assert first.boxes.tolist() == [[0, 0, 40, 30], [4, 5, 7, 8]]
    assert first.labels.tolist() == [2, 1]
    assert len(dataset.target(1)) == 0
    assert dataset.target(2).difficult.tolist() == [True, False]


def test_the_order_is_that_of_the_list(voc: Path) -> None:
    assert open_voc(voc, "train").ids == ("000003", "000001")


@pytest.mark.parametrize(
    ("splits", "taken"),
    [
        (("train", "val", "trainval", "test"), "trainval"),
        (("train", "val"), "train"),
        (("test",), "test"),
    ],
)
def test_the_split_where_none_is_named(splits: tuple[str, ...], taken: str, tmp_path: Path) -> None:
    photos = {split: [("cat", 1, 1, 2, 2)] for split in splits}
    assert open_voc(write_voc(tmp_path, photos, {split: [split] for split in splits})).ids == (taken,)


def test_one_of_several_splits_must_be_named(tmp_path: Path) -> None:
    write_voc(tmp_path, PHOTOS, {"old": ["000001"], "new": ["000002"]})
    with pytest.raises(ValueError, match="name a split: new, old"):
        open_voc(tmp_path)


def test_without_lists_every_annotated_photo_is_taken(tmp_path: Path) -> None:
    assert open_voc(write_voc(tmp_path, PHOTOS)).ids == ("000001", "000002", "000003")
    with pytest.raises(FileNotFoundError, match="no split 'train'; there are: none"):
        open_voc(tmp_path, "train")


def test_the_folders_around(voc: Path) -> None:
    devkit, data = voc.parents[:2]
    assert open_voc(devkit, "val").ids == open_voc(data, "val").ids == ("000002",)
    write_voc(devkit / "VOC2012", PHOTOS)
    with pytest.raises(ValueError, match="several data sets, name one: VOC2007, VOC2012"):
        open_voc(devkit)


@pytest.mark.parametrize(
    "content", ["000001\r\n000003\r\n", "\n000001\n\n  000003  \n\n", "000001  1\n000003 -1\n", "\ufeff000001\n000003"]
)
def test_lists_as_people_write_them(content: str, voc: Path) -> None:
    (voc / "ImageSets/Main/mine.txt").write_bytes(content.encode())
    assert open_voc(voc, "mine").ids == ("000001", "000003")


@pytest.mark.parametrize(
    ("content", "message"), [("\n \n", "lists no image"), ("000001\n000003\n000001\n", "lists image '000001' twice")]
)
def test_lists_that_cannot_be_meant(content: str, message: str, voc: Path) -> None:
    path = write(voc / "ImageSets/Main/mine.txt", content)
    with pytest.raises(ValueError, match=message) as caught:
        open_voc(voc, "mine")
    assert str(path) in str(caught.value)


def test_an_unknown_split(voc: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no split 'tran'; did you mean 'train'\? There are: train, trainval"):
        open_voc(voc, "tran")


def test_classes_in_the_order_asked_for(voc: Path) -> None:
    dataset = open_voc(voc, "trainval", ("dog", "cat"))
    assert_is_dataset(dataset)
    assert labels_by_name(dataset) == {"dog": 1, "cat": 2}
    assert dataset.target(2).boxes.tolist() == [[1, 2, 20, 21]]  # the bird is left out
    assert dataset.target(2).difficult.tolist() == [True]


def test_a_class_that_only_another_split_has_is_known(voc: Path) -> None:
    dataset = open_voc(voc, "val", ("cat", "dog"))
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.target(0)) == 0


def test_a_class_that_only_another_folder_has_is_known(tmp_path: Path) -> None:
    for split, name in (("train", "cat"), ("valid", "dog")):
        write(tmp_path / split / "a.xml", annotation_xml([(name, 1, 2, 3, 4)]))
    assert labels_by_name(open_voc(tmp_path, "valid", ("cat", "dog"))) == {"cat": 0, "dog": 1}
    with pytest.raises(ValueError, match=r"no class 'bird'; there are: cat, dog"):
        open_voc(tmp_path, "valid", ("bird",))


def test_an_unknown_class(voc: Path) -> None:
    with pytest.raises(ValueError, match=r"no class 'dgo'; did you mean 'dog'\? There are: bird, cat, dog"):
        open_voc(voc, "val", ("cat", "dgo"))
    with pytest.raises(ValueError, match="class 'cat' is named twice"):
        open_voc(voc, "val", ("cat", "cat"))


def test_missing_annotations_and_photos_are_told_apart(voc: Path) -> None:
    (voc / "JPEGImages/000003.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 3 photos are missing, the first is .*JPEGImages.000003\.jpg"):
        open_voc(voc)
    assert open_voc(voc, "val").ids == ("000002",)
    (voc / "Annotations/000003.xml").unlink()
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*000003\.xml"):
        open_voc(voc)


def test_annotations_alone_are_enough_to_evaluate(tmp_path: Path) -> None:
    dataset = open_voc(write_voc(tmp_path, PHOTOS, images=False))
    assert_is_dataset(dataset, photos=False)
    assert dataset.path(0) == tmp_path / "JPEGImages" / "000001.jpg"
    with pytest.raises(FileNotFoundError, match=r"no image file .*000001\.jpg"):
        dataset.image(0)


def test_photos_of_other_kinds(tmp_path: Path) -> None:
    write_voc(tmp_path, PHOTOS, images=False)
    for name in ("000001.JPG", "000002.png", "000003.jpeg", "000003.txt"):
        write_photo(tmp_path / "JPEGImages" / name)
    dataset = open_voc(tmp_path)
    assert [path.name for path in dataset.paths] == ["000001.JPG", "000002.png", "000003.jpeg"]
    assert_is_dataset(dataset)


def test_of_two_photos_of_one_name_the_first_is_taken(tmp_path: Path) -> None:
    write_voc(tmp_path, {"a": []})
    write_photo(tmp_path / "JPEGImages/a.png")
    assert open_voc(tmp_path).path(0).name == "a.jpg"


def test_xml_beside_the_photos(tmp_path: Path) -> None:
    for split, name in (("train", "a"), ("train", "b"), ("valid", "c")):
        write(tmp_path / split / f"{name}.xml", annotation_xml([("cat", 1, 2, 3, 4)]))
        write_photo(tmp_path / split / f"{name}.jpg")
    assert_is_dataset(open_voc(tmp_path / "train"))
    assert open_voc(tmp_path / "train").ids == ("a", "b")
    assert open_voc(tmp_path, "valid").path(0) == tmp_path / "valid" / "c.jpg"
    assert open_voc(tmp_path).ids == ("a", "b")
    with pytest.raises(FileNotFoundError, match=r"no split 'vlid'; did you mean 'valid'\?"):
        open_voc(tmp_path, "vlid")
    with pytest.raises(FileNotFoundError, match="no split 'test'; there are: none"):
        open_voc(tmp_path / "train", "test")


@pytest.mark.parametrize("annotations", ["Annotations", "annotations"])
@pytest.mark.parametrize("images", ["JPEGImages", "images", "Images"])
def test_annotations_and_images_by_other_names(annotations: str, images: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "pets" / annotations / f"{name}.xml", annotation_xml([("cat", 1, 2, 3, 4)]))
        write_photo(tmp_path / "pets" / images / f"{name}.png")
    write_photo(tmp_path / "pets/other/a.jpg")
    for folder in (tmp_path / "pets", tmp_path):
        assert find_dataset(folder).kind == "voc"
        dataset = open_voc(folder)
        assert_is_dataset(dataset)
        assert dataset.ids == ("a", "b")
        assert dataset.path(0).is_file()
        assert open_voc(folder, class_names=("cat",)).class_names == ("cat",)


def test_photos_beside_their_xml_in_a_folder_called_annotations(tmp_path: Path) -> None:
    write(tmp_path / "annotations/a.xml", annotation_xml([("cat", 1, 2, 3, 4)]))
    write_photo(tmp_path / "annotations/a.jpg")
    assert open_voc(tmp_path).path(0) == tmp_path / "annotations/a.jpg"


@pytest.mark.parametrize("on_top", [True, False])
def test_annotations_in_sub_folders(on_top: bool, tmp_path: Path) -> None:
    names = ("one/a", "two/a", "two/deep/b", *(["c"] if on_top else []))
    for name in names:
        write(tmp_path / f"Annotations/{name}.xml", annotation_xml([("cat", 1, 2, 3, 4)]))
        write_photo(tmp_path / f"JPEGImages/{name}.png")
    dataset = open_dataset(tmp_path)
    assert_is_dataset(dataset)
    assert dataset.ids == tuple(sorted(names))
    assert all(dataset.path(index).is_file() for index in range(len(dataset)))
    write(tmp_path / "ImageSets/Main/default.txt", "two/a\ndeep/b.png\n")
    assert open_voc(tmp_path, "default").ids == ("two/a", "two/deep/b")
    write(tmp_path / "ImageSets/Main/default.txt", "a.png\n")
    with pytest.raises(ValueError, match=r"default\.txt:1: image 'a\.png': 2 photos have this name"):
        open_voc(tmp_path, "default")


def test_a_sub_folder_of_annotations_alone(tmp_path: Path) -> None:
    """The Oxford pets: annotations/xmls/*.xml and images/*.jpg."""
    for name in ("xmls/a", "xmls/b"):
        write(tmp_path / f"annotations/{name}.xml", annotation_xml([("cat", 1, 2, 3, 4)]))
    for name in ("a", "b", "c"):
        write_photo(tmp_path / f"images/{name}.jpg")
    assert [path.relative_to(tmp_path).as_posix() for path in open_voc(tmp_path).paths] == [
        "images/a.jpg",
        "images/b.jpg",
    ]
    write(tmp_path / "annotations/others/a.xml", annotation_xml([]))  # whose photo is another one, that is not there
    with pytest.raises(FileNotFoundError, match=r"2 of 3 photos are missing, the first is .*images.others.a\.jpg"):
        open_voc(tmp_path)


@pytest.mark.parametrize("layout", ["tree", "beside", "by split"])
def test_what_macos_leaves_behind_is_no_data(layout: str, tmp_path: Path) -> None:
    if layout == "tree":
        root = write_voc(tmp_path, PHOTOS, {"trainval": PHOTOS})
        hidden = ["Annotations/._000001.xml", "JPEGImages/._000001.jpg", "ImageSets/Main/._trainval.txt"]
        hidden.append("Annotations/.ipynb_checkpoints/000001.xml")
    else:
        root = tmp_path / "train" if layout == "by split" else tmp_path
        for name, objects in PHOTOS.items():
            write(root / f"{name}.xml", annotation_xml(objects))
            write_photo(root / f"{name}.jpg")
        hidden = ["._000001.xml", "._000001.jpg", "._000001.png"]
    for name in hidden:
        write(root / name, "\0\5\x16\7")
    write(tmp_path / "__MACOSX/Annotations/._000001.xml", "\0\5\x16\7")
    dataset = open_dataset(tmp_path)
    assert_is_dataset(dataset)
    assert dataset.ids == tuple(PHOTOS)
    (tmp_path / "ImageSets/Main/trainval.txt").unlink(missing_ok=True)
    assert open_dataset(tmp_path, class_names=("dog", "cat", "bird")).ids == tuple(PHOTOS)


def test_a_folder_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"neither Annotations/\*\.xml nor \*\.xml there"):
        open_voc(tmp_path)


def test_boxes_that_leave_their_photo_are_cut_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    objects = [("cat", 0, 1, 43, 30), ("cat", 1, 1, 40, 30), ("cat", 30, 20, 41, 31)]
    with caplog.at_level(logging.WARNING):
        dataset = open_voc(write_voc(tmp_path, {"a": objects, "b": [("cat", 1, 1, 2, 32)]}))
    assert dataset.target(0).boxes.tolist() == [[0, 0, 40, 30], [0, 0, 40, 30], [29, 19, 40, 30]]
    assert dataset.target(0).stated.tolist() == [[-1, 0, 43, 30], [0, 0, 40, 30], [29, 19, 41, 31]]
    assert dataset.target(1).xywh.tolist() == [[0, 0, 2, 32]]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'Annotations'}: 3 of 4 boxes leave their photo, by up to 3 pixels, and were cut to it"
    ]
    assert_is_dataset(dataset)


def test_a_box_wholly_outside_is_refused(tmp_path: Path) -> None:
    write_voc(tmp_path, {"a": [("dog", 41, 1, 50, 9), ("cat", 1, 2, 3, 4), ("cat", 41, 3, 50, 4)]})
    message = r"a\.xml: object 3 \(cat\) with the corners 41, 3, 50, 4 lies outside its photo of 40 x 30 pixels"
    with pytest.raises(ValueError, match=message):
        open_voc(tmp_path, class_names=("cat",))


def test_the_photo_is_asked_where_the_stated_size_does_not_fit(tmp_path: Path) -> None:
    """Of a photo that EXIF turns, many tools state the size as it is stored."""
    write(tmp_path / "Annotations/a.xml", annotation_xml([("cat", 1, 1, 30, 40)], (40, 30)))
    write_photo(tmp_path / "JPEGImages/a.jpg", (40, 30), orientation=6)
    write(tmp_path / "Annotations/b.xml", annotation_xml([("cat", 1, 1, 90, 80)], None))
    write_photo(tmp_path / "JPEGImages/b.jpg", (40, 30))
    dataset = open_voc(tmp_path)
    assert dataset.image(0).shape == (40, 30, 3)
    assert dataset.target(0).boxes.tolist() == [[0, 0, 30, 40]]
    assert dataset.target(1).boxes.tolist() == [[0, 0, 40, 30]]
    assert_is_dataset(dataset)


OBJECTS = {  # counted with grep and awk
    "train": ([83, 536, 131, 425, 114], 508, 242),
    "val": ([88, 543, 145, 401, 119], 488, 295),
    "trainval": ([171, 1079, 276, 826, 233], 996, 537),
    "test": ([74, 534, 140, 406, 109], 500, 229),
}


@pytest.mark.parametrize("split", OBJECTS)
def test_the_real_voc2007(split: str, shared: Path) -> None:
    names = ("bus", "car", "cat", "person", "train")
    dataset = open_voc(shared / "data/voc2007_5class/VOCdevkit/VOC2007", split, names)
    assert_is_dataset(dataset, photos=False)
    objects, photos, difficult = OBJECTS[split]
    assert len(dataset) == photos
    assert labels_by_name(dataset) == dict(zip(names, objects, strict=True))
    assert sum(int(target.difficult.sum()) for target in dataset.targets) == difficult


def test_real_photos_agree_with_their_annotations(shared: Path) -> None:
    dataset = open_voc(shared / "data/voc2007_5class/VOCdevkit/VOC2007", "test")
    for index in range(0, len(dataset), 25):
        height, width = dataset.image(index).shape[:2]
        assert (dataset.target(index).boxes <= np.array([width, height, width, height])).all()


def test_the_real_blood_cells(shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = shared / "data/bccd/BCCD"
    parts = [open_voc(folder, split) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [205, 87, 72]
    assert sum(len(part) for part in parts) == 364
    assert sum(len(target) for part in parts for target in part.targets) == 4888
    assert {part.class_names for part in parts} == {("Platelets", "RBC", "WBC")}
    assert open_voc(shared / "data/bccd").ids == open_voc(folder, "trainval").ids
    assert not caplog.records  # two boxes are a single pixel, which both ends include; none leaves its photo
