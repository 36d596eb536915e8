"""A run's detections in the formats of others."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.converters.csv_table import read_csv
from detection.converters.ilsvrc_text import read_ilsvrc_text
from detection.converters.voc_text import read_voc_text
from detection.datasets.yolo_labels import read_labels
from detection.inference.find import Numbers, photos_of
from detection.inference.formats import FORMATS, check_formats, write_formats
from detection.results import DetectionsWriter, ImageDetections, read_detections

CLASSES = ("dog", "cat", "never found")


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    path = tmp_path / "detections.jsonl"
    with DetectionsWriter(path) as writer:
        for name, labels in (("b.jpg", ("cat", "dog")), ("sub/a.jpg", ()), ("c.jpg", ("dog",))):
            boxes = np.array([[k, 2.5, 10 + k, 20] for k in range(len(labels))])
            scores = np.array([0.9, 0.25])[: len(labels)]
            writer.write(ImageDetections(name, f"/photos/{name}", 40, 30, boxes, labels, scores, 0.1))
    return path


ROWS = [
    ("b.jpg", "cat", 0.9, [0, 2.5, 10, 20]),
    ("b.jpg", "dog", 0.25, [1, 2.5, 11, 20]),
    ("c.jpg", "dog", 0.9, [0, 2.5, 10, 20]),
]


def test_every_format_gives_the_detections_back(tmp_path: Path, detections: Path) -> None:
    write_formats(list(FORMATS), list(read_detections(detections)), CLASSES, tmp_path)
    ids = (tmp_path / "ilsvrc" / "images.txt").read_text(encoding="utf-8").splitlines()
    names = (tmp_path / "ilsvrc" / "classes.txt").read_text(encoding="utf-8").splitlines()
    assert (ids, names) == (["b.jpg", "sub/a.jpg", "c.jpg"], list(CLASSES))
    tables = [
        [read_csv(tmp_path / "detections.csv")],
        [read_ilsvrc_text(tmp_path / "ilsvrc" / "detections.txt", ids, names)],
        read_voc_text(tmp_path / "voc"),
    ]
    for table in tables:
        rows = [
            row
            for part in table
            for row in zip(part.images, part.labels, part.scores.tolist(), part.boxes.tolist(), strict=True)
        ]
        assert sorted(row for row in rows if row[0]) == sorted(ROWS)


def test_coco_s_own_tools_load_the_results(
    tmp_path: Path, detections: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pycocotools.coco import COCO

    write_formats(["coco"], list(read_detections(detections)), CLASSES, tmp_path)
    images = COCO(str(tmp_path / "coco" / "images.json"))
    results = images.loadRes(str(tmp_path / "coco" / "detections.json"))
    rows = [
        (
            results.imgs[one["image_id"]]["file_name"],
            results.cats[one["category_id"]]["name"],
            one["score"],
            one["bbox"],
        )
        for one in results.anns.values()
    ]
    assert rows == [(name, label, score, [x1, y1, x2 - x1, y2 - y1]) for name, label, score, (x1, y1, x2, y2) in ROWS]
    assert [image["file_name"] for image in images.imgs.values()] == ["b.jpg", "sub/a.jpg", "c.jpg"]
    assert [category["name"] for category in images.cats.values()] == list(CLASSES)


def test_ultralytics_files_are_annotations_with_a_score(tmp_path: Path, detections: Path) -> None:
    write_formats(["yolo"], list(read_detections(detections)), CLASSES, tmp_path)
    files = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in (tmp_path / "yolo").rglob("*.txt")}
    assert files == {
        "yolo/classes.txt": "dog\ncat\nnever found\n",
        "yolo/labels/b.txt": "1 0.125 0.375 0.25 0.5833333333333334 0.9\n0 0.15 0.375 0.25 0.5833333333333334 0.25\n",
        "yolo/labels/sub/a.txt": "",
        "yolo/labels/c.txt": "0 0.125 0.375 0.25 0.5833333333333334 0.9\n",
    }
    corrected = tmp_path / "corrected.txt"  # what a person who mends the labels keeps of them: all but the scores
    corrected.write_text("".join(f"{line.rpartition(' ')[0]}\n" for line in files["yolo/labels/b.txt"].splitlines()))
    again = read_labels(corrected, CLASSES)
    assert again.labels == (1, 0)
    assert np.allclose(again.boxes(40, 30), [[0, 2.5, 10, 20], [1, 2.5, 11, 20]])


def test_photos_that_would_share_a_file_of_yolo_are_refused_before_the_run() -> None:
    check_formats(["yolo"], ["a b.jpg", "sub/a b.jpg", "v1.2", "v1.3"])
    with pytest.raises(ValueError, match=r"a\.png: shares the file a\.txt with a\.jpg; rename one, or choose another"):
        check_formats(["yolo"], ["a.jpg", "a.png"])


def test_a_name_that_is_too_long_for_a_label_s_file_is_refused_before_the_run() -> None:
    check_formats(["yolo"], ["x" * 251, "x" * 251 + ".jpg", "sub/" * 99 + "x"][1:])
    with pytest.raises(ValueError, match=r"x+: its name is too long for a file x{20}\.\.\.txt; rename one, or choose"):
        check_formats(["yolo"], ["x" * 252])


def test_only_what_is_asked_for_is_written(tmp_path: Path, detections: Path) -> None:
    write_formats([], list(read_detections(detections)), CLASSES, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["detections.jsonl"]


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="no format 'xml'; choose from coco, voc, yolo, ilsvrc, csv"):
        check_formats(["csv", "xml"], [])


@pytest.mark.parametrize(
    ("name", "id", "reason"),
    [
        ("ilsvrc", "a\nb.jpg", "a name with a line break cannot stand in a text file"),
        ("yolo", "\udcff.jpg", "a name that is not UTF-8 cannot stand in a text file"),
        ("csv", "\udcff.jpg", "a name that is not UTF-8 cannot stand in a text file"),
        ("voc", "\udcff.jpg", "a name that is not UTF-8 cannot stand in a text file"),
        ("ilsvrc", "\udcff.jpg", "a name that is not UTF-8 cannot stand in a text file"),
    ],
)
def test_names_that_a_format_cannot_hold_are_refused_before_the_run(name: str, id: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"{reason}; rename the photo, or choose another format than {name}"):
        check_formats([name], ["good.jpg", id])


@pytest.mark.parametrize(
    ("name", "classes", "reason"),
    [
        ("voc", ["car", "car/van"], "class 'car/van': VOC has a file for each class, and none can be called so"),
        ("voc", ["x" * 300], "class 'x+': VOC has a file for each class, and this name is too long for one"),
        ("ilsvrc", ["two\nlines"], r"class 'two\\nlines': a name with a line break cannot stand in a text file"),
        ("csv", ["\udcff"], r"class '\\udcff': a name that is not UTF-8 cannot stand in a text file"),
    ],
)
def test_classes_that_a_format_cannot_hold_are_refused(name: str, classes: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}; choose another format than {name}$"):
        check_formats([name], [], classes)
    check_formats(["coco"], [], classes)


def test_the_same_names_in_formats_that_can_hold_them() -> None:
    check_formats(["coco", "csv", "ilsvrc", "voc"], ["a b.jpg", "größe.jpg"])
    check_formats(["coco"], ["\udcff.jpg", "a\nb.jpg"])


def test_what_was_found_before_is_checked_too(tmp_path: Path, detections: Path) -> None:
    with DetectionsWriter(detections) as writer:
        writer.write(ImageDetections("a\nb.jpg", "a\nb.jpg", 4, 3, np.zeros((0, 4)), (), np.zeros(0), 0.1))
    with pytest.raises(ValueError, match=r"a\nb\.jpg: a name with a line break"):
        write_formats(["csv", "ilsvrc"], list(read_detections(detections)), CLASSES, tmp_path)
    assert not (tmp_path / "detections.csv").exists()


@pytest.mark.parametrize("folders", [("a", "b"), ("train", "train")])
def test_coco_s_images_are_called_as_in_the_data_set(tmp_path: Path, folders: tuple[str, str]) -> None:
    """With their folders: of two photos in them the files may be called alike."""
    names = [f"{folder}/{name}.png" for folder, name in zip(folders, (1, 1 + (folders[0] == folders[1])), strict=True)]
    images = [{"id": id, "file_name": name, "width": 8, "height": 8} for id, name in enumerate(names)]
    content = {"images": images, "categories": [{"id": 3, "name": "dog"}], "annotations": []}
    (tmp_path / "instances_all.json").write_text(json.dumps(content))
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    found = photos_of(str(tmp_path))
    with DetectionsWriter(tmp_path / "detections.jsonl") as writer:
        for photo in found.photos:
            writer.write(ImageDetections(photo.id, str(photo.path), 8, 8, np.zeros((0, 4)), (), np.zeros(0), 0.1))
    write_formats(["coco"], list(read_detections(tmp_path / "detections.jsonl")), ("dog",), tmp_path, found.numbers)
    written = json.loads((tmp_path / "coco" / "images.json").read_text())["images"]
    assert {one["id"]: one["file_name"] for one in written} == dict(enumerate(names))


def test_a_coco_data_set_s_own_numbers_are_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With gaps, from 0, in no order: its own tools know images and classes by them alone."""
    from pycocotools.coco import COCO

    images = [{"id": id, "file_name": f"{id:03}.png", "width": 8, "height": 8} for id in (40, 0, 7)]
    categories = [{"id": 9, "name": "cat"}, {"id": 3, "name": "dog"}]
    objects = [{"id": 1, "image_id": 7, "category_id": 9, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 0}]
    truth = tmp_path / "data" / "instances_all.json"
    truth.parent.mkdir()
    truth.write_text(json.dumps({"images": images, "categories": categories, "annotations": objects}))
    for image in images:
        Image.new("RGB", (8, 8)).save(truth.parent / str(image["file_name"]))
    found = photos_of(str(truth.parent))
    assert found.numbers["coco"].classes == {"cat": 9, "dog": 3}
    boxes, scores = np.array([[0, 0, 4, 4.0]]), np.array([0.5])
    with DetectionsWriter(tmp_path / "detections.jsonl") as writer:
        for photo in found.photos:
            writer.write(ImageDetections(photo.id, str(photo.path), 8, 8, boxes, ("cat",), scores, 0.1))
    write_formats(
        ["coco"], list(read_detections(tmp_path / "detections.jsonl")), ("cat", "bird"), tmp_path, found.numbers
    )
    results = COCO(str(truth)).loadRes(str(tmp_path / "coco" / "detections.json"))
    assert sorted((one["image_id"], one["category_id"]) for one in results.anns.values()) == [(0, 9), (7, 9), (40, 9)]
    named = json.loads((tmp_path / "coco" / "images.json").read_text())
    assert [one["file_name"] for one in named["images"]] == [f"{int(photo.id):03}.png" for photo in found.photos]
    assert {one["name"]: one["id"] for one in named["categories"]} == {"cat": 9, "dog": 3, "bird": 10}


def test_ilsvrc_s_numbers_are_those_of_the_data_set(tmp_path: Path, detections: Path) -> None:
    """Of its list, with gaps: a photo that failed has no line, and those after it keep their numbers."""
    images = {"failed.jpg": 1, "b.jpg": 7, "sub/a.jpg": 3, "c.jpg": 9}
    numbers = Numbers(images, {"cat": 1, "bird": 2, "dog": 3})
    write_formats(["ilsvrc"], list(read_detections(detections)), CLASSES, tmp_path, {"ilsvrc": numbers})
    lines = [line.split() for line in (tmp_path / "ilsvrc/detections.txt").read_text().splitlines()]
    assert [(image, label, score) for image, label, score, *_ in lines] == [
        ("7", "1", "0.9"),
        ("7", "3", "0.25"),
        ("9", "3", "0.9"),
    ]
    assert (tmp_path / "ilsvrc/images.txt").read_text() == "failed.jpg 1\nb.jpg 7\nsub/a.jpg 3\nc.jpg 9\n"
    assert (tmp_path / "ilsvrc/classes.txt").read_text() == "cat\nbird\ndog\nnever found\n"


def test_coco_numbers_begin_at_one(tmp_path: Path, detections: Path) -> None:
    """COCO's evaluation takes an annotation with the number 0 for no annotation."""
    write_formats(["coco"], list(read_detections(detections)), CLASSES, tmp_path)
    content = json.loads((tmp_path / "coco" / "images.json").read_text(encoding="utf-8"))
    assert [image["id"] for image in content["images"]] == [1, 2, 3]
    assert [category["id"] for category in content["categories"]] == [1, 2, 3]
