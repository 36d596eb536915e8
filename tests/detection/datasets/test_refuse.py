"""Readers that are given somewhere to put faults read on; without it they stop at the first."""

import json
from pathlib import Path

import pytest

from detection.datasets.annotation_xml import InvertedBoxError, read_annotation
from detection.datasets.coco_json import EmptyCategoryError, RepeatedIdError, UnknownIdError, read_coco
from detection.datasets.listing import read_split
from detection.datasets.voc import open_voc
from tests.detection.datasets.trees import annotation_xml, coco, object_xml, write, write_voc


def test_objects_of_an_annotation_file(tmp_path: Path) -> None:
    objects = [object_xml("", (1, 1, 9, 9)), ("cat", 5, 5, 4, 9), ("dog", 1, 2, 3, 4)]
    path = write(tmp_path / "a.xml", annotation_xml(objects))
    faults: list[ValueError] = []
    annotation = read_annotation(path, faults.append)
    assert (annotation.names, annotation.numbers) == (("dog",), (3,))
    assert [type(fault) for fault in faults] == [ValueError, InvertedBoxError]
    assert all(str(path) in str(fault) for fault in faults)
    with pytest.raises(ValueError, match="object 1"):
        read_annotation(path)


def test_a_damaged_file_is_no_fault_of_an_object(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", "<annotation>")
    with pytest.raises(ValueError, match="damaged XML"):
        read_annotation(path, lambda _: None)


def test_an_object_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    """Also where an object before it has another class."""
    root = write_voc(tmp_path, {"a": [("dog", 1, 1, 5, 5), ("cat", 90, 90, 95, 95)]})
    with pytest.raises(ValueError, match=r"object 2 \(cat\) with the corners 90, 90, 95, 95 lies outside"):
        open_voc(root, class_names=["cat"])


def test_records_of_a_coco_file(tmp_path: Path) -> None:
    content = coco()
    content["images"] += [content["images"][0], 5]
    content["categories"].append({"id": 91, "name": "cat"})
    content["annotations"] += [
        {"id": 1, "image_id": 7, "category_id": 17, "bbox": [1, 1, 2, 2]},
        {"id": 2, "image_id": 8, "category_id": 17, "bbox": [1, 1, 2, 2]},
        {"id": 3, "image_id": 7, "category_id": 17, "bbox": [1, 1, 2]},
    ]
    path = write(tmp_path / "truth.json", json.dumps(content))
    faults: list[ValueError] = []
    read = read_coco(path, faults.append)
    assert [image.id for image in read.images] == [7, 0, 3]
    assert list(read.categories) == [0, 17, 90]
    assert [instance.name for instance in read.instances] == ["annotation 0", "annotation 1", "annotation 9"]
    assert [(type(fault), str(fault)[:24]) for fault in faults] == [
        (RepeatedIdError, "image 7 occurs twice"),
        (ValueError, "images[4] is not an obje"),
        (RepeatedIdError, "annotation 1 occurs twic"),
        (ValueError, "annotation 3: 'bbox' mus"),
        (EmptyCategoryError, "category 91 has no objec"),
        (UnknownIdError, "annotation 2: image_id 8"),
    ]
    with pytest.raises(ValueError, match="image 7 occurs twice"):
        read_coco(path)


def test_ids_of_a_list(tmp_path: Path) -> None:
    write(tmp_path / "train.txt", "b\na\nb\nc\na\nb\n")
    faults: list[ValueError] = []
    assert read_split(tmp_path, "train", faults.append) == ("b", "a", "c")
    assert [str(fault).rpartition(": ")[2] for fault in faults] == ["lists image 'b' twice", "lists image 'a' twice"]
    with pytest.raises(ValueError, match="lists image 'b' twice"):
        read_split(tmp_path, "train")
