"""Each defect planted in a sound VOC data set is found, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest

from tests.detection.datasets.trees import object_xml, write
from tests.detection.doctor.planted import OBJECTS, annotate, diagnose, encoded, photo_of, save, scene, sound_voc

ERRORS, CLEAN = 1, 0
FIRST = OBJECTS[0][1:]


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return sound_voc(tmp_path / "pets")


def test_a_sound_data_set_has_no_findings(voc: Path, tmp_path: Path) -> None:
    assert diagnose(voc, tmp_path / "found.json", "--strict") == (CLEAN, {})


def test_what_macos_leaves_behind_is_no_finding(voc: Path, tmp_path: Path) -> None:
    for name in ("Annotations/._a0.xml", "JPEGImages/._a0.jpg", "ImageSets/Main/._train.txt"):
        write(voc / name, "\0\5\x16\7")
    assert diagnose(voc, tmp_path / "found.json", "--strict") == (CLEAN, {})


def test_lists_of_files_name_the_photos(voc: Path, tmp_path: Path) -> None:
    for split in ("train", "val", "trainval"):
        file = voc / f"ImageSets/Main/{split}.txt"
        file.write_text("".join(f"{line}.jpg\n" for line in file.read_text().split()))
    assert diagnose(voc, tmp_path / "found.json", "--strict") == (CLEAN, {})
    annotation(voc).unlink()
    _, found = diagnose(voc, tmp_path / "found.json")
    assert [case["photo"] for case in found["missing-annotation"]] == ["JPEGImages/a0.jpg"]


def photo(voc: Path, name: str = "a0") -> Path:
    return voc / f"JPEGImages/{name}.jpg"


def annotation(voc: Path, name: str = "a0") -> Path:
    return voc / f"Annotations/{name}.xml"


def add(*objects: object):
    return lambda voc: annotate(annotation(voc), [*OBJECTS, *objects])


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def list_again(voc: Path, split: str, name: str) -> None:
    path = voc / f"ImageSets/Main/{split}.txt"
    path.write_text(f"{path.read_text()}{name}\n")


def brighter(name: str) -> np.ndarray:
    return encoded((photo_of(name) * 0.8 + 20).astype(np.uint8), 60)


DEFECTS = {
    "a photo is not there": (lambda voc: photo(voc).unlink(), ["missing-photo"]),
    "a photo is truncated": (lambda voc: truncate(photo(voc)), ["unreadable-photo"]),
    "a photo is none": (lambda voc: photo(voc).write_text("<html>not found"), ["unreadable-photo"]),
    "a photo is empty": (lambda voc: photo(voc).write_bytes(b""), ["unreadable-photo"]),
    "an XML file is damaged": (lambda voc: truncate(annotation(voc)), ["unreadable-annotation"]),
    "no XML file": (lambda voc: annotation(voc).unlink(), ["missing-annotation"]),
    "an XML file without objects": (lambda voc: annotate(annotation(voc), []), ["no-objects"]),
    "an object without a name": (add(object_xml("", FIRST)), ["malformed-record"]),
    "a box of words": (add(object_xml("cat", ("a", "b", "c", "d"))), ["malformed-record"]),
    "an inverted box": (add(("cat", 30, 5, 20, 15)), ["degenerate-box"]),
    "a box outside": (add(("cat", 70, 5, 80, 15)), ["outside-box"]),
    "a box that sticks out": (add(("cat", 55, 20, 70, 30)), ["cut-box"]),
    "a box counted from 0": (add(("cat", 0, 20, 9, 30)), ["beyond-edge"]),
    "a box of one pixel": (add(("cat", 30, 10, 30, 10)), ["thin-box"]),
    "a box of the whole photo": (add(("cat", 1, 1, 64, 48)), ["full-frame"]),
    "a small object": (add(("cat", 30, 22, 31, 40)), ["small-objects"]),  # 2 of 64 pixels are 15.6 of 500
    "an object drawn twice": (add(OBJECTS[0]), ["repeated-box"]),
    "an object drawn twice, as something else": (add(("dog", *FIRST)), []),
    "annotated before EXIF's rotation": (lambda voc: save(photo(voc), photo_of("a0"), orientation=6), ["turned-photo"]),
    "upside down by EXIF": (lambda voc: save(photo(voc), photo_of("a0"), orientation=3), ["maybe-turned"]),
    "annotated after EXIF's rotation": (
        lambda voc: (save(photo(voc), scene(99), orientation=6), annotate(annotation(voc), SHORT, (48, 64))),
        [],
    ),
    "turned by EXIF, annotated without a size": (
        lambda voc: (save(photo(voc), scene(99), orientation=6), annotate(annotation(voc), SHORT, None)),
        ["maybe-turned"],
    ),
    "annotated without a size": (lambda voc: annotate(annotation(voc), size=None), []),
    "width and height swapped": (lambda voc: annotate(annotation(voc), size=(48, 64)), ["swapped-size"]),
    "resized since": (lambda voc: save(photo(voc), scene(99, (128, 96))), ["resized-photo"]),
    "another size": (lambda voc: annotate(annotation(voc), size=(90, 48)), ["other-size"]),
    "a pixel less": (lambda voc: annotate(annotation(voc), size=(63, 48)), ["other-size"]),
    "PNG called JPEG": (lambda voc: save(photo(voc), photo_of("a0"), kind="PNG"), ["wrong-suffix"]),
    "the same file in two splits": (lambda voc: photo(voc, "b0").write_bytes(photo(voc).read_bytes()), ["leak"]),
    "one photo in both lists": (lambda voc: list_again(voc, "val", "a0"), ["leak"]),
    "nearly the same in two splits": (lambda voc: save(photo(voc, "b0"), brighter("a0")), ["near-leak"]),
    "the same file twice": (lambda voc: photo(voc, "a1").write_bytes(photo(voc).read_bytes()), ["duplicate"]),
    "nearly the same twice": (lambda voc: save(photo(voc, "a1"), brighter("a0")), ["near-duplicate"]),
    "flat photos": (lambda voc: [save(photo(voc, name), flat(name)) for name in ("a1", "b1")], []),
    "listed twice": (lambda voc: list_again(voc, "train", "a0"), ["repeated-id"]),
    "a photo that is not listed": (lambda voc: save(photo(voc, "c0"), photo_of("c0")), ["unlisted"]),
    "a class in capitals": (add(("CAT", 1, 40, 9, 48)), ["similar-names", "absent-class"]),
    "a class of a few": (
        lambda voc: [annotate(annotation(voc, name), [*OBJECTS, ("bird", 1, 40, 9, 48)]) for name in ("a0", "b0")],
        ["few-objects"],
    ),
}
SHORT = [one for one in OBJECTS if one[3] <= 48]
SEVERE = {
    *("missing-photo", "unreadable-photo", "unreadable-annotation", "missing-annotation", "malformed-record"),
    *("degenerate-box", "outside-box", "turned-photo", "resized-photo", "leak", "repeated-id"),
}


def flat(name: str) -> np.ndarray:
    return np.full((48, 64, 3), 100 + ord(name[0]) % 7, np.uint8)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found_and_nothing_else(voc: Path, tmp_path: Path, defect: str) -> None:
    plant, expected = DEFECTS[defect]
    plant(voc)
    code, found = diagnose(voc, tmp_path / "found.json")
    assert {kind: len(cases) for kind, cases in found.items()} == dict.fromkeys(expected, 1)
    assert code == (ERRORS if SEVERE & set(expected) else CLEAN)


def test_all_of_many_faults_are_seen(voc: Path, tmp_path: Path) -> None:
    """Training would stop at the first of them."""
    bad = [("cat", 30, 5, 20, 15), ("dog", 30, 5, 20, 15), object_xml("", FIRST), ("cat", 90, 90, 99, 99)]
    for name in ("a0", "a1", "b0"):
        annotate(annotation(voc, name), [*OBJECTS, *bad])
    truncate(photo(voc, "a2"))
    photo(voc, "b2").unlink()
    _, found = diagnose(voc, tmp_path / "found.json")
    assert {kind: len(cases) for kind, cases in found.items()} == {
        "missing-photo": 1,
        "unreadable-photo": 1,
        "malformed-record": 3,
        "degenerate-box": 6,
        "outside-box": 3,
    }


def test_a_case_names_its_place(voc: Path, tmp_path: Path) -> None:
    add(("cat", 55, 20, 70, 30))(voc)
    save(photo(voc, "b1"), brighter("a1"))
    _, found = diagnose(voc, tmp_path / "found.json")
    (cut,), (leak,) = found["cut-box"], found["near-leak"]
    place = {"split": "train", "photo": "JPEGImages/a0.jpg", "object": "object 11 (cat)", "class": "cat"}
    assert cut == {**place, "detail": "by 6 pixels"}
    others = [{"split": "val", "photo": "JPEGImages/b1.jpg"}]
    assert leak == {"split": "train", "photo": "JPEGImages/a1.jpg", "others": others}


def test_difficult_objects_are_not_counted(voc: Path, tmp_path: Path) -> None:
    hard = "<difficult>1</difficult>"
    add(object_xml("cat", (1, 1, 64, 48), hard), object_xml("cat", FIRST, hard))(voc)
    assert diagnose(voc, tmp_path / "found.json")[1] == {}


def test_some_splits(voc: Path, tmp_path: Path) -> None:
    photo(voc, "b0").unlink()
    assert diagnose(voc, tmp_path / "found.json", "--split", "train") == (CLEAN, {})
    assert diagnose(f"voc:{voc}:val", tmp_path / "found.json")[0] == ERRORS
    photo(voc, "a1").write_bytes(photo(voc).read_bytes())
    _, found = diagnose(voc, tmp_path / "found.json", "--split", "trainval", "--split", "train")
    assert len(found["leak"]) == 2  # one is the pair of a0 and a1


def test_photos_beside_their_annotations(tmp_path: Path) -> None:
    """As labelImg writes them: a folder a split."""
    for name in ("a0", "a1", "a2", "b0", "b1", "b2"):
        folder = tmp_path / "cells" / ("train" if name < "b" else "val")
        annotate(folder / f"{name}.xml")
        save(folder / f"{name}.jpg", photo_of(name))
    assert diagnose(tmp_path / "cells", tmp_path / "found.json") == (CLEAN, {})
    save(tmp_path / "cells/train/new.jpg", photo_of("new"))
    write(tmp_path / "cells/val/gone.xml", (tmp_path / "cells/val/b0.xml").read_text())
    _, found = diagnose(tmp_path / "cells", tmp_path / "found.json")
    assert {kind: [case["photo"] for case in cases] for kind, cases in found.items()} == {
        "missing-photo": ["val/gone.jpg"],
        "unlisted": ["train/new.jpg"],
    }
