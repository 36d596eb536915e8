"""Every format: what is written, that it comes back whole, and what bad input is told."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.converters.coco_results import read_coco_results, write_coco_results
from detection.converters.csv_table import read_csv, write_csv
from detection.converters.ilsvrc_text import read_ilsvrc_text, write_ilsvrc_text
from detection.converters.read_any import read_any, splits_of
from detection.converters.voc_text import read_voc_text, write_voc_text
from detection.converters.yolo_text import write_yolo_text
from detection.results import DetectionsFileError, DetectionsWriter, ImageDetections


@dataclass(frozen=True)
class Names:
    ids: tuple[str, ...] = ("000007", "000012", "000004")
    class_names: tuple[str, ...] = ("cat", "dog", "potted plant")

    def path(self, index: int) -> Path:
        return Path("photos", f"{self.ids[index]}.jpg")


NAMES = Names()
IMAGE_NUMBERS = {image: int(image) for image in NAMES.ids}
CATEGORIES = {name: number for number, name in enumerate(NAMES.class_names, start=1)}


def record(image: str, *found: tuple[str, float, list[float]]) -> ImageDetections:
    labels = tuple(label for label, _, _ in found)
    boxes = np.array([box for _, _, box in found], np.float32)
    scores = np.array([score for _, score, _ in found], np.float32)
    return ImageDetections(image, f"{image}.jpg", 640, 480, boxes, labels, scores, 0.5)


RECORDS = [
    record("000012", ("potted plant", 0.25, [10, 20, 30.5, 40.25]), ("cat", 0.9, [0, 0, 1, 1])),
    record("000007"),
    record("000004", ("cat", 0.1, [0.1, 0.2, 0.3, 0.4])),
]


def write_voc(records, path):
    write_voc_text(records, NAMES.class_names, path)


def write_yolo(records, path):
    write_yolo_text(records, NAMES.class_names, path)


def write_ilsvrc(records, path):
    images, classes = ({name: n for n, name in enumerate(names, 1)} for names in (NAMES.ids, NAMES.class_names))
    write_ilsvrc_text(records, images, classes, path)


def write_coco(records, path):
    write_coco_results(records, IMAGE_NUMBERS, CATEGORIES, path)


def write_json_lines(records, path):
    path.unlink(missing_ok=True)
    with DetectionsWriter(path) as writer:
        for one in records:
            writer.write(one)


WHOLE_FILES = [
    pytest.param(write_voc, "voc", id="voc"),
    pytest.param(write_ilsvrc, "ilsvrc.txt", id="ilsvrc"),
    pytest.param(write_coco, "coco.json", id="coco"),
    pytest.param(write_csv, "table.csv", id="csv"),
]
JSON_LINES = pytest.param(write_json_lines, "detections.jsonl", id="json lines")
FORMATS = pytest.mark.parametrize(("write", "name"), [*WHOLE_FILES, JSON_LINES])
side = st.floats(0, 4096, width=32)
boxes = st.tuples(side, side, side, side).map(lambda c: [min(c[::2]), min(c[1::2]), max(c[::2]), max(c[1::2])])
images = st.lists(
    st.lists(st.tuples(st.sampled_from(NAMES.class_names), st.floats(0, 1, width=32), boxes), max_size=3),
    min_size=3,
    max_size=3,
)


def content(files) -> set[tuple[str, str, np.float32, tuple[np.float32, ...]]]:
    return {
        (image, label, np.float32(score), tuple(np.float32(box).round(9)))
        for rows in files
        for image, label, score, box in zip(rows.images, rows.labels, rows.scores, rows.boxes, strict=True)
    }


@FORMATS
@given(images)
def test_no_digit_is_lost(tmp_path_factory, write, name, found):
    """Scores come back bit by bit, boxes to the float32 they were (below 1e-9 a corner cannot be told from 0)."""
    records = [record(image, *rows) for image, rows in zip(NAMES.ids, found, strict=True)]
    path = tmp_path_factory.getbasetemp() / "formats" / name
    write(records, path)
    expected = {
        (image, label, np.float32(score), tuple(np.float32(box).round(9)))
        for image, rows in zip(NAMES.ids, found, strict=True)
        for label, score, box in rows
    }
    assert content(read_any(path, NAMES)) == expected


@FORMATS
def test_the_order_within_a_class_is_kept(tmp_path, write, name):
    path = tmp_path / name
    write(RECORDS, path)
    pairs = [pair for rows in read_any(path, NAMES) for pair in zip(rows.images, rows.labels, strict=True)]
    assert [image for image, label in pairs if label == "cat"] == ["000012", "000004"]


@FORMATS
def test_nothing_at_all_is_ordinary(tmp_path, write, name):
    path = tmp_path / name
    write([record("000007")], path)
    assert sum(map(len, read_any(path, NAMES))) == 0


@pytest.mark.parametrize(("write", "name"), WHOLE_FILES)
def test_a_failed_writing_leaves_the_old_file(tmp_path, write, name):
    path = tmp_path / name
    write(RECORDS, path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    def interrupted():
        yield RECORDS[2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(interrupted(), path)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_voc_text_has_a_file_a_class_and_counts_from_one(tmp_path):
    write_voc(RECORDS, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "comp4_det_test_cat.txt": "000012 0.9 1.0 1.0 1.0 1.0\n000004 0.1 1.1 1.2 0.3 0.4\n",
        "comp4_det_test_dog.txt": "",
        "comp4_det_test_potted plant.txt": "000012 0.25 11.0 21.0 30.5 40.25\n",
    }


def test_ilsvrc_text_numbers_images_and_classes_from_one(tmp_path):
    write_ilsvrc(RECORDS, tmp_path / "out.txt")
    lines = ["2 3 0.25 11.0 21.0 30.5 40.25", "2 1 0.9 1.0 1.0 1.0 1.0", "3 1 0.1 1.1 1.2 0.3 0.4"]
    assert (tmp_path / "out.txt").read_text().splitlines() == lines


def test_coco_results_have_numbers_and_names(tmp_path):
    write_coco(RECORDS, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())[0] == {
        "image_id": 12,
        "category_id": 3,
        "bbox": [10.0, 20.0, 20.5, 20.25],
        "score": 0.25,
        "image": "000012",
        "category": "potted plant",
    }


def test_csv_has_a_header_and_house_boxes(tmp_path):
    write_csv(RECORDS, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[:2] == ["image,class,score,x1,y1,x2,y2", "000012,potted plant,0.25,10.0,20.0,30.5,40.25"]


def test_photos_that_would_share_a_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^a\.png: shares the file a\.txt with a\.jpg$"):
        write_yolo([record("a.jpg"), record("a.png")], tmp_path)
    with pytest.raises(ValueError, match=r"class .*: a name with a line break cannot stand in a text file"):
        write_yolo_text([], ["two\nlines"], tmp_path)


@pytest.mark.parametrize("write", [write_voc, write_yolo, write_ilsvrc, write_coco])
def test_classes_without_a_place_are_refused(tmp_path, write):
    stranger = record("000007", ("cow", 0.5, [0, 0, 1, 1]))
    with pytest.raises(ValueError, match="image '000007': class 'cow' is not one of cat, dog, potted plant"):
        write([stranger], tmp_path / "out")


@pytest.mark.parametrize("write", [write_ilsvrc, write_coco])
def test_images_without_a_number_are_refused(tmp_path, write):
    with pytest.raises(ValueError, match="image '000001' is not one of 000007, 000012, 000004"):
        write([record("000001", ("cat", 0.5, [0, 0, 1, 1]))], tmp_path / "out")


@pytest.mark.parametrize("image", ["my photo 1.jpg", "100% mine", "my%20photo", "%", "two\nlines", "wide\u3000blank"])
def test_voc_text_holds_ids_with_blanks(tmp_path, image):
    write_voc([record(image, ("cat", 0.5, [0, 0, 1, 1]))], tmp_path)
    (line,) = (tmp_path / "comp4_det_test_cat.txt").read_text(encoding="utf-8").splitlines()
    assert len(line.split()) == 6
    (rows,) = (rows for rows in read_voc_text(tmp_path) if len(rows))
    assert list(rows.images) == [image]


def test_a_blank_is_written_as_in_an_address(tmp_path):
    write_voc([record("WhatsApp Image 1", ("cat", 0.5, [0, 0, 1, 1]))], tmp_path)
    assert (tmp_path / "comp4_det_test_cat.txt").read_text() == "WhatsApp%20Image%201 0.5 1.0 1.0 1.0 1.0\n"


def test_voc_text_refuses_what_no_file_can_be_called(tmp_path):
    with pytest.raises(ValueError, match="class 'cat/dog': VOC has a file for each class, and none can be called so"):
        write_voc_text([], ["cat/dog"], tmp_path)


def pack(path: Path) -> Path:
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


@FORMATS
def test_packed_files_are_read(tmp_path, write, name):
    path = tmp_path / name
    write(RECORDS, path)
    plain = content(read_any(path, NAMES))
    if write is write_voc:
        for file in list(path.iterdir()):
            pack(file)
    else:
        path = pack(path)
    assert content(read_any(path, NAMES)) == plain


@pytest.mark.parametrize("name", ["detections.jsonl", "ilsvrc.txt"])
def test_a_packed_file_that_ends_early_is_told(tmp_path, name):
    path = tmp_path / name
    (write_json_lines if name.endswith("jsonl") else write_ilsvrc)(
        RECORDS * (1 if name.endswith("jsonl") else 99), path
    )
    path = pack(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="damaged: Compressed file ended"):
        read_any(path, NAMES)


def test_one_class_file_alone_is_read(tmp_path):
    write_voc(RECORDS, tmp_path)
    (rows,) = read_any(tmp_path / "comp4_det_test_potted plant.txt", NAMES)
    assert (*rows.images, *rows.labels) == ("000012", "potted plant")


def test_a_run_folder_is_read_by_its_detections_file(tmp_path):
    write_voc([], tmp_path)
    write_json_lines(RECORDS, tmp_path / "detections.jsonl")
    (rows,) = read_any(tmp_path, NAMES)
    assert rows.file == tmp_path / "detections.jsonl"
    assert rows.empty == {"000007": 2}


def test_coco_results_of_others_have_numbers_alone(tmp_path):
    path = tmp_path / "results.json"
    found = {"category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}
    path.write_text(json.dumps([{**found, "image_id": 7}, {**found, "image_id": "000012"}, {**found, "image_id": 99}]))
    (rows,) = read_any(path, NAMES)
    assert tuple(rows.images) == ("000007", "000012", "#99")
    assert tuple(rows.labels) == ("dog",) * 3
    assert rows.boxes[0].tolist() == [1, 2, 4, 6]


def test_category_numbers_may_have_gaps(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"image_id": 7, "category_id": 90, "bbox": [1, 2, 3, 4], "score": 0.5}]))
    (rows,) = read_any(path, NAMES, category_ids=[1, 44, 90])
    assert tuple(rows.labels) == ("potted plant",)
    with pytest.raises(
        DetectionsFileError, match=r":1: category numbers beyond the 3 classes, counted from 1: #90; name"
    ):
        read_any(path, NAMES)


def test_categories_may_be_texts(tmp_path):
    path = tmp_path / "results.json"
    found = {"image_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5}
    path.write_text(json.dumps([{**found, "category_id": "x"}, {**found, "category_id": "dog"}]))
    (rows,) = read_any(path, NAMES, category_ids=["1", "2", "x"])
    assert tuple(rows.labels) == ("potted plant", "dog")


def test_numbers_outside_the_lists_become_names_that_nothing_has(tmp_path):
    path = tmp_path / "found.txt"
    path.write_text("1 1 .5 1 1 2 2\n0 4 .5 1 1 2 2\n")
    rows = read_ilsvrc_text(path, NAMES.ids, NAMES.class_names)
    assert tuple(rows.images) == ("000007", "#0")
    assert tuple(rows.labels) == ("cat", "#4")


def test_csv_columns_are_found_by_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('y2,x2,y1,x1,score,note,class,image\n4,3,2,1,.5,"a, b",cat,x\n')
    rows = read_csv(path)
    assert (tuple(rows.images), tuple(rows.labels), rows.scores.tolist(), rows.boxes.tolist()) == (
        ("x",),
        ("cat",),
        [0.5],
        [[1, 2, 3, 4]],
    )


def test_csv_names_its_columns_in_quotes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"image","class","score","x1","y1","x2","y2","a, b"\n"x","cat",.5,1,2,3,4,""\n')
    (rows,) = read_any(path, NAMES)
    assert (tuple(rows.images), rows.boxes.tolist()) == (("x",), [[1, 2, 3, 4]])


def test_json_lines_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "detections.jsonl"
    write_json_lines(RECORDS, path)
    plain = content(read_any(path, NAMES))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert content(read_any(path, NAMES)) == plain


def test_inverted_boxes_of_others_are_let_through(tmp_path):
    path = tmp_path / "found.txt"
    path.write_text("1 1 .5 10 10 2 2\n")
    assert read_ilsvrc_text(path, NAMES.ids, NAMES.class_names).boxes.tolist() == [[9, 9, 2, 2]]


@pytest.mark.parametrize(
    ("name", "text", "place", "message"),
    [
        ("comp4_det_test_cat.txt", "a .5 1 1 2 2\nb .5 1 1 2\n", ":2: ", "expected <image id> <score> <xmin>"),
        ("comp4_det_test_cat.txt", "a .5 1 1 2 two\n", ":1: ", "got 'a .5 1 1 2 two'"),
        ("comp4_det_test_cat.txt", "a .5 1 1 2 2\na nan 1 1 2 2\n", ":2: ", "a number that is not finite: score nan"),
        ("found.txt", "1 1 .5 1 1 2 2\n1 1.5 .5 1 1 2 2\n", ":2: ", "expected <image index> <class id> <score>"),
        ("found.txt", "1 1 .5 1 1 2 inf\n", ":1: ", "not finite: score 0.5, box [0.0, 0.0, 2.0, inf]"),
        ("t.csv", "image,class,score,x1,y1,x2\n", ":1: ", "no column 'y2'"),
        ("t.csv", "image,class,score,x1,y1,x2,y2\na,cat,.5,1,1,2\n", ":2: ", "got 'a,cat,.5,1,1,2'"),
        ("t.csv", "image,class,score,x1,y1,x2,y2\na,cat,0,5,1,1,2,2\n", ":2: ", "got 'a,cat,0,5,1,1,2,2'"),
        ("t.csv", "image,class,score,x1,y1,x2,y2,y2\n", ":1: ", "2 columns 'y2'"),
        ("found.txt", "1 1 .5 1 1 2 2\n1 1 1_0 1 1 2 2\n", ":2: ", "got '1 1 1_0 1 1 2 2'"),
        ("found.txt", "1 1 .5 1 1 2 2\n1 1 \u0661 1 1 2 2\n", ":2: ", "expected <image index>"),
        ("found.txt", "1 1 .5 1 1 2 20000000\n", ":1: ", "a box beyond any image: score 0.5"),
        ("c.json", '[{"image_id": 7, "category_id": 1, "bbox": [1, 2, true, 4], "score": 1}]', ":1: ", "expected an"),
        ("c.json", '[{"image_id": true, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]', ":1: ", "expected an"),
        ("c.json", '[{"image_id": 7, "category_id": 1, "bbox": "1234", "score": 1}]', ":1: ", "expected an object"),
        ("c.json", "[" * 100_000, ": ", "not to be read as JSON"),
        ("d.jsonl", '{"id":' * 100_000, ":1: ", "brackets within brackets"),
        ("c.json", "[{]", ":1: ", "not JSON"),
        ("c.json", '[{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3], "score": 1}]', ":1: ", "(entry 1) expected"),
        ("c.json", '[{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]}]', ":1: ", "height] and score, got"),
        ("c.json", '[{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": NaN}]', ":1: ", "not finite"),
        ("d.jsonl", '{"id": 3}\n', ":1: ", "no 'path'"),
        ("e.txt", "hello\n", ":1: ", "not detections. Known are JSON Lines"),
        ("f.bin", "\udcff\udcfe", ": ", "not text"),
        ("g.txt.gz", "not packed", ": ", "damaged"),
    ],
)  # fmt: skip
def test_bad_files_are_told_in_one_line_with_their_place(tmp_path, name, text, place, message):
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
        read_any(path, NAMES)
    assert str(error.value).startswith(f"{path}{place}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_results_list_must_be_a_list(tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{"images": []}')
    with pytest.raises(DetectionsFileError, match="expected a list of results"):
        read_coco_results(path, {}, {})


def test_missing_things_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.txt: no such file"):
        read_any(tmp_path / "gone.txt", NAMES)
    with pytest.raises(FileNotFoundError, match="no file is named like comp4_det_test_<class>"):
        read_any(tmp_path, NAMES)


def test_a_class_has_one_file(tmp_path):
    write_voc(RECORDS, tmp_path)
    write_voc_text([], ["cat"], tmp_path, image_set="val")
    with pytest.raises(ValueError, match="class 'cat' has two files, the other is comp4_det_test_cat"):
        read_voc_text(tmp_path)


def test_class_files_may_lie_in_the_one_folder_below(tmp_path):
    write_voc(RECORDS, tmp_path / "results")
    (tmp_path / "other").mkdir()
    assert content(read_any(tmp_path, NAMES)) == content(read_any(tmp_path / "results", NAMES))
    write_voc(RECORDS, tmp_path / "other")
    with pytest.raises(ValueError, match=r"several folders have files like .*, name one: .*other, .*results"):
        read_any(tmp_path, NAMES)


def test_the_names_of_class_files_say_the_image_set(tmp_path):
    run, results = tmp_path / "run", tmp_path / "run" / "results"
    run.mkdir()
    assert splits_of(run) == splits_of(run / "gone.jsonl") == ()
    write_voc_text([], ["cat", "dog"], results, image_set="val")
    assert splits_of(run) == splits_of(results) == splits_of(results / "comp4_det_val_cat.txt") == ("val",)
    write_voc_text([], ["bird"], results, image_set="test")
    assert splits_of(results) == ()
    write_json_lines(RECORDS, run / "detections.jsonl")
    assert splits_of(run) == ()  # they are what is read


@pytest.mark.parametrize("classes", [("cat", "dog", "potted plant"), ("cat",), ("traffic_light", "light")])
def test_the_image_set_may_have_underscores(tmp_path, classes):
    records = [record("000012", *((name, 0.5, [0, 0, 1, 1]) for name in classes))]
    write_voc_text(records, classes, tmp_path, image_set="my_split_2012")
    assert splits_of(tmp_path)[-3:] == ("my_split_2012", "my_split", "my")
    names = Names(class_names=tuple(name.title() for name in classes))
    assert content(read_any(tmp_path, names)) == content(read_voc_text(tmp_path, classes))
    assert {one.class_of_file for one in read_any(tmp_path, names)} == set(classes)


def test_a_class_of_two_words_is_no_image_set(tmp_path):
    """A hot dog is no dog, which has a file of its own."""
    write_voc_text([], ["dog", "hot_dog"], tmp_path)
    assert {one.class_of_file for one in read_any(tmp_path, NAMES)} == {"dog", "hot_dog"}


def test_class_files_of_the_devkit_lie_two_levels_below(tmp_path):
    write_voc(RECORDS, tmp_path / "results" / "VOC2007" / "Main")
    (tmp_path / "results" / "VOC2007" / "Layout").mkdir()
    assert splits_of(tmp_path / "results") == ("test",)
    assert content(read_any(tmp_path / "results", NAMES)) == content(read_voc_text(tmp_path / "results/VOC2007/Main"))


def test_a_class_file_is_of_its_class_even_when_empty(tmp_path):
    write_voc(RECORDS, tmp_path)
    rows = {one.class_of_file: len(one) for one in read_any(tmp_path, NAMES)}
    assert rows == {"cat": 2, "dog": 0, "potted plant": 1}


def test_a_last_line_without_end_is_told(tmp_path, caplog):
    path = tmp_path / "found.txt"
    path.write_text("1 1 .5 1 1 20 2\n1 1 .5 1 1 20 2")  # of 25, perhaps
    assert len(read_any(path, NAMES)[0]) == 2
    assert "its last line has no end" in caplog.text


def test_coco_annotations_are_not_detections(tmp_path):
    path = tmp_path / "instances.json"
    path.write_text('{\n "images": [], "annotations": []}')
    with pytest.raises(ValueError, match="holds COCO's annotations, which are for --data"):
        read_any(path, NAMES)
