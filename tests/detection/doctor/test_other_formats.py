"""Each defect planted in a sound data set of COCO, YOLO, ILSVRC or photos alone is found, and nothing else is."""

import shutil
from pathlib import Path

import pytest

from tests.detection.datasets.trees import write, yolo_row
from tests.detection.doctor.planted import (
    OBJECTS,
    SIZE,
    SYNSETS,
    annotate,
    change_json,
    diagnose,
    encoded,
    photo_of,
    save,
    sound_coco,
    sound_folder,
    sound_ilsvrc,
    sound_voc,
    sound_yolo,
)
from tools.doctor import main


def set_first(records: str, **values: object):
    """Change fields of the first record of a list, which is cat's."""
    return lambda content: content[records][0].update(values)


def drop_objects_of_first_image(content) -> None:
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] != 1]


def extra(**values: object):
    """Add an annotation of the first image."""
    sound = {"id": 900, "image_id": 1, "category_id": 1, "bbox": [1, 40, 9, 6]}
    return lambda content: content["annotations"].append({**sound, **values})


def renumber(*ids: int):
    """Give the categories other ids, also where annotations refer to them."""

    def change(content) -> None:
        new = dict(zip((1, 2), ids, strict=True))
        for one in content["categories"]:
            one["id"] = new[one["id"]]
        for one in content["annotations"]:
            one["category_id"] = new[one["category_id"]]

    return change


JSON_DEFECTS = {
    "an image id twice": (lambda c: c["images"].append({**c["images"][0], "file_name": "x.jpg"}), "repeated-id", 1),
    "an annotation id twice": (extra(id=7), "repeated-id", 1),
    "two categories of a name": (lambda c: c["categories"].append({"id": 3, "name": "cat"}), "repeated-id", 1),
    "an unknown image": (extra(image_id=77), "unknown-id", 1),
    "an unknown category": (extra(category_id=77), "unknown-id", 1),
    "three numbers": (extra(bbox=[1, 2, 3]), "malformed-record", 1),
    "not a number": (extra(bbox=[1, 2, 3, "4"]), "malformed-record", 1),
    "no record": (lambda c: c["annotations"].append(17), "malformed-record", 1),
    "a box without width": (extra(bbox=[1, 2, 0, 5]), "degenerate-box", 1),
    "a box of negative height": (extra(bbox=[1, 20, 5, -5]), "degenerate-box", 1),
    "a box outside": (extra(bbox=[64, 2, 5, 5]), "outside-box", 1),
    "a box that sticks out": (extra(bbox=[60, 2, 6, 5]), "cut-box", 1),
    "a box that ends at 64.0001": (extra(bbox=[60.0001, 2, 4, 5]), None, 0),
    "a crowd without a fault": (extra(bbox=[0, 0, 64, 48], iscrowd=1), None, 0),
    "annotation 0": (extra(id=0), "annotation-id-0", 1),
    "ids with a gap": (renumber(1, 3), "category-ids", 1),
    "ids from 0": (renumber(0, 1), "category-ids", 1),
    "a category without objects": (lambda c: c["categories"].append({"id": 3, "name": "bird"}), "absent-class", 1),
    "an image without objects": (drop_objects_of_first_image, "no-objects", 1),
    "another size": (set_first("images", width=100), "other-size", 1),
    "no size": (lambda c: c["images"][0].pop("width"), None, 0),
}


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    return sound_coco(tmp_path / "pets")


def counts(data: Path | str, tmp_path: Path, *options: str) -> dict[str, int]:
    return {code: len(cases) for code, cases in diagnose(data, tmp_path / "found.json", *options)[1].items()}


def test_sound_data_sets_have_no_findings(coco: Path, tmp_path: Path) -> None:
    assert diagnose(coco, tmp_path / "found.json", "--strict") == (0, {})
    assert diagnose(coco / "annotations/instances_val.json", tmp_path / "found.json", "--strict") == (0, {})
    assert diagnose(sound_ilsvrc(tmp_path / "det"), tmp_path / "found.json", "--strict") == (0, {})
    assert diagnose(sound_yolo(tmp_path / "yolo"), tmp_path / "found.json", "--strict") == (0, {})


@pytest.mark.parametrize("defect", JSON_DEFECTS)
def test_a_defect_of_the_file(coco: Path, tmp_path: Path, defect: str) -> None:
    change, code, count = JSON_DEFECTS[defect]
    change_json(coco / "annotations/instances_train.json", change)
    assert counts(coco, tmp_path) == ({code: count} if code else {})


def test_a_damaged_file_hides_only_its_split(coco: Path, tmp_path: Path) -> None:
    (coco / "annotations/instances_val.json").write_text('{"images": [')
    assert counts(coco, tmp_path) == {"unreadable-annotation": 1}
    (coco / "train/a0.jpg").unlink()
    assert counts(coco, tmp_path) == {"unreadable-annotation": 1, "missing-photo": 1}


def test_photos_and_files_of_coco(coco: Path, tmp_path: Path) -> None:
    (coco / "train/a0.jpg").unlink()  # the first, by which the folder is found
    save(coco / "val/c0.jpg", photo_of("c0"))
    shutil.copy(coco / "train/a1.jpg", coco / "val/b1.jpg")
    assert counts(coco, tmp_path) == {"missing-photo": 1, "unlisted": 1, "leak": 1}


def test_ilsvrc_takes_photos_without_an_annotation_file_for_empty(tmp_path: Path) -> None:
    root = sound_ilsvrc(tmp_path / "det")
    (root / "Annotations/DET/train/a0.xml").unlink()
    annotate(root / "Annotations/DET/val/b0.xml", [])
    _, found = diagnose(root, tmp_path / "found.json")
    assert {code: [case["photo"] for case in cases] for code, cases in found.items()} == {
        "unannotated": ["Data/DET/train/a0.JPEG"],
        "no-objects": ["Data/DET/val/b0.JPEG"],
    }


def test_defects_of_ilsvrc(tmp_path: Path) -> None:
    root = sound_ilsvrc(tmp_path / "det")
    objects = [(SYNSETS[name], *corners) for name, *corners in OBJECTS]
    annotate(root / "Annotations/DET/train/a1.xml", [*objects, (SYNSETS["cat"], 30, 5, 20, 15)])
    save(root / "Data/DET/val/b2.JPEG", encoded(photo_of("a0"), 50))
    _, found = diagnose(root, tmp_path / "found.json")
    assert {code: len(cases) for code, cases in found.items()} == {"degenerate-box": 1, "near-leak": 1}
    assert "domestic cat" in (tmp_path / "found.json").read_text()


def test_a_damaged_first_file_does_not_hide_the_format(tmp_path: Path) -> None:
    for name in ("a0", "a1", "a2"):
        annotate(tmp_path / f"flat/Annotations/{name}.xml", [(SYNSETS[one], *corners) for one, *corners in OBJECTS])
        save(tmp_path / f"flat/JPEGImages/{name}.JPEG", photo_of(name))
    (tmp_path / "flat/Annotations/a0.xml").write_text("<annotation>")
    assert counts(tmp_path / "flat", tmp_path) == {"unreadable-annotation": 1}


ROW_DEFECTS = {
    "a word": ("cat .1 .1 .1 .1", "malformed-record"),
    "four numbers": ("0 .1 .1 .1", "malformed-record"),
    "pixels": ("0 12 8 4 4", "malformed-record"),
    "an unknown class": ("2 .1 .1 .1 .1", "unknown-id"),
    "a box without width": ("0 .1 .1 0 .1", "degenerate-box"),
    "a box that sticks out": ("0 .9 .9 .3 .1", "cut-box"),
    "a rounded box": ("0 .9 .9 .2003 .1", None),
    "an object twice": (yolo_row(0, OBJECTS[0][1:], SIZE) + yolo_row(0, OBJECTS[0][1:], SIZE), "repeated-box"),
    "a thin box": ("0 .9 .9 .01 .1", "thin-box"),
}


@pytest.mark.parametrize("defect", ROW_DEFECTS)
def test_a_defect_of_a_row(tmp_path: Path, defect: str) -> None:
    root = sound_yolo(tmp_path / "pets")
    row, code = ROW_DEFECTS[defect]
    file = root / "labels/train/a1.txt"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[2:]) + f"{row}\n")
    _, found = diagnose(root, tmp_path / "found.json")
    assert found.keys() == ({code} if code else set())
    if code == "unknown-id":
        detail = "line 9: no class 2; there are: 0 cat, 1 dog"
        assert found[code] == [{"split": "train", "photo": "labels/train/a1.txt", "detail": detail}]


def test_photos_and_label_files_of_yolo(tmp_path: Path) -> None:
    root = sound_yolo(tmp_path / "pets")
    (root / "images/train/a0.jpg").unlink()
    (root / "labels/train/a1.txt").unlink()
    (root / "labels/val/b0.txt").write_text("")
    (root / "labels/val/b1.txt").write_bytes(b"\xff\xfe")
    (root / "images/val/b2.jpg").write_bytes(b"no photo")
    assert counts(root, tmp_path) == {
        "missing-photo": 1, "unannotated": 1, "no-objects": 1, "unreadable-annotation": 1, "unreadable-photo": 1,
        "few-objects": 2, "nothing-counts": 1,
    }  # fmt: skip


def test_a_split_that_is_described_and_not_there_hides_no_other(tmp_path: Path) -> None:
    root = sound_yolo(tmp_path / "pets")
    (root / "images/val").rename(root / "images/elsewhere")
    assert counts(root, tmp_path) == {"unreadable-annotation": 1}
    assert main(["--data", str(root), "--split", "val"]) == 2


def test_photos_alone(tmp_path: Path) -> None:
    root = sound_folder(tmp_path / "photos")
    assert diagnose(f"folder:{root}", tmp_path / "found.json")[0] == 0
    assert counts(f"folder:{root}", tmp_path) == {"unannotated": 3}
    shutil.copy(root / "a0.jpg", root / "copy.jpg")
    (root / "a1.jpg").write_bytes(b"no photo")
    assert counts(f"folder:{root}", tmp_path) == {"unreadable-photo": 1, "duplicate": 1, "unannotated": 4}


def test_photos_without_the_annotations_that_were_meant_are_an_error(tmp_path: Path) -> None:
    """Training refuses them, so that the doctor must not send anyone there."""
    code, found = diagnose(sound_folder(tmp_path / "photos"), tmp_path / "found.json")
    assert code == 1
    (case,) = found["nothing-annotated"]
    assert "all 3" in case["detail"]
    assert "Annotations/*.xml or *.xml (VOC)" in case["detail"]
    assert diagnose(tmp_path / "photos/a0.jpg", tmp_path / "found.json")[0] == 0


@pytest.mark.parametrize("layout", ["yolo", "coco"])
def test_a_layout_without_an_object_is_an_error(layout: str, tmp_path: Path) -> None:
    root = {"yolo": sound_yolo, "coco": sound_coco}[layout](tmp_path / "pets")
    for file in root.glob("labels/*/*.txt"):
        file.unlink()
    for file in root.glob("annotations/*.json"):
        change_json(file, lambda content: content.update(annotations=[]))
    code, found = diagnose(root, tmp_path / "found.json")
    assert code == 1
    assert found["nothing-annotated"] == [{"detail": f"{layout}, photos: train 3, val 3"}]


def test_a_split_that_is_mostly_bare_is_a_warning(tmp_path: Path) -> None:
    root = sound_yolo(tmp_path / "pets")
    for name in ("a0", "a1"):
        (root / f"labels/train/{name}.txt").unlink()
    code, found = diagnose(root, tmp_path / "found.json")
    assert code == 0
    assert found["mostly-unannotated"] == [{"split": "train", "detail": "2 of 3 photos"}]


def test_a_split_without_an_object_that_counts_is_an_error(tmp_path: Path) -> None:
    """Training refuses it, be it bare, all difficult or all crowds."""
    yolo, voc, coco = (
        sound(tmp_path / name) for name, sound in (("yolo", sound_yolo), ("voc", sound_voc), ("coco", sound_coco))
    )
    for file in yolo.glob("labels/train/*.txt"):
        file.unlink()
    for file in voc.glob("Annotations/a*.xml"):
        file.write_text(file.read_text().replace("<bndbox>", "<difficult>1</difficult><bndbox>"))
    change_json(
        coco / "annotations/instances_train.json",
        lambda content: [one.update(iscrowd=1) for one in content["annotations"]],
    )
    for root, objects in ((yolo, 0), (voc, 30), (coco, 30)):
        code, found = diagnose(root, tmp_path / "found.json")
        assert code == 1
        detail = f"3 photos, {objects} objects, none that counts"
        assert found["nothing-counts"] == [{"split": "train", "detail": detail}]


def test_nobody_has_the_annotations_of_ilsvrc_test(tmp_path: Path) -> None:
    root = sound_ilsvrc(tmp_path / "det")
    save(root / "Data/DET/test/c0.JPEG", photo_of("c0"))
    write(root / "ImageSets/DET/test.txt", "c0 1\n")
    code, found = diagnose(root, tmp_path / "found.json")
    assert code == 0
    assert "nothing-counts" not in found
