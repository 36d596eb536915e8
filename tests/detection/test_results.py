import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.results import DetectionsFileError, DetectionsWriter, ImageDetections, read_detections
from detection.structures import Detections

LINE = {
    "id": "a",
    "path": "photos/a.jpg",
    "width": 640,
    "height": 480,
    "boxes": [[1, 2.5, 30, 40]],
    "labels": ["cat"],
    "scores": [0.9],
    "seconds": 0.25,
}


def record(image: str = "a", **changes) -> ImageDetections:
    return ImageDetections(**{**LINE, "id": image, **changes})


def written(tmp_path, *lines: str, end: str = "\n"):
    path = tmp_path / "detections.jsonl"
    path.write_text("\n".join(lines) + end)
    return path


def test_a_line_becomes_a_record(tmp_path):
    (read,) = read_detections(written(tmp_path, json.dumps(LINE)))
    assert (read.id, read.path, read.width, read.height, read.seconds) == ("a", "photos/a.jpg", 640, 480, 0.25)
    assert read.boxes.dtype == read.scores.dtype == np.float64
    assert (read.boxes.tolist(), read.labels, read.scores.tolist()) == ([[1, 2.5, 30, 40]], ("cat",), [0.9])


def test_a_fallback_stands_in_the_line_only_where_there_was_one(tmp_path):
    assert "fallback" not in record().to_json()
    line = record(fallback="sliding-grid").to_json()
    assert json.loads(line)["fallback"] == "sliding-grid"
    (read,) = read_detections(written(tmp_path, line))
    assert read.fallback == "sliding-grid"
    found = Detections(read.boxes.astype(np.float32), np.ones(1), np.zeros(1, np.int64), "sliding-grid")
    again = ImageDetections.of(found, ["cat"], id="a", path="a.jpg", size=(640, 480), seconds=1)
    assert again.fallback == "sliding-grid"
    with pytest.raises(DetectionsFileError, match=r":1: fallback: expected a string, got 5"):
        list(read_detections(written(tmp_path, json.dumps({**LINE, "fallback": 5}))))


def test_a_whole_number_of_any_length_may_be_a_duration(tmp_path):
    (read,) = read_detections(written(tmp_path, json.dumps({**LINE, "seconds": 10**23})))
    assert (read.seconds, type(read.seconds)) == (1e23, float)


def test_nothing_found_is_ordinary(tmp_path):
    (read,) = read_detections(written(tmp_path, json.dumps({**LINE, "boxes": [], "labels": [], "scores": []})))
    assert (read.boxes.shape, read.labels, read.scores.shape) == ((0, 4), (), (0,))


def test_blank_lines_and_other_keys_are_passed_over(tmp_path):
    path = written(tmp_path, "", json.dumps({**LINE, "note": 1}), "  ")
    assert [read.id for read in read_detections(path)] == ["a"]


def test_an_empty_file_has_no_records(tmp_path):
    assert list(read_detections(written(tmp_path, end=""))) == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.jsonl: no such file"):
        list(read_detections(tmp_path / "gone.jsonl"))


TEXT = json.dumps(LINE)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (TEXT[:60], "not JSON (column"),
        ("[1, 2]", "expected an object with the keys id, path,"),
        (TEXT.replace("0.9", "NaN"), "NaN is not a number"),
        (TEXT.replace("0.9", "-Infinity"), "-Infinity is not a number"),
        (TEXT.replace("0.9", "1e999"), "score 0 is inf"),
        (TEXT.replace("2.5", "1e999"), "box 0 has a coordinate that is not a finite number: [1.0, inf, 30.0, 40.0]"),
        (TEXT.replace("2.5", "9" * 400), "a number is too large"),
        (TEXT.replace("0.9", '"0.9"'), "scores and seconds: expected numbers, got \"0.9\""),
        (TEXT.replace("0.9", "true"), "scores and seconds: expected numbers, got true"),
        (TEXT.replace("0.9", "0.9, 0.8"), "1 boxes, 1 labels, 2 scores"),
        (TEXT.replace('"cat"', '"cat", "dog"'), "1 boxes, 2 labels, 1 scores"),
        (TEXT.replace('"cat"', "3"), "label 0: expected a class name, got 3"),
        (TEXT.replace('["cat"]', '"cat"'), 'labels: expected a list, got "cat"'),
        (TEXT.replace("40]]", "40, 5]]"), "box 0: expected four numbers [x1, y1, x2, y2], got [1, 2.5, 30, 40, 5]"),
        (TEXT.replace("[[1,", '[["1",'), "box 0: expected four numbers"),
        (TEXT.replace("30, 40", "0.5, 40"), "box 0 is inverted (x1, y1, x2, y2): [1.0, 2.5, 0.5, 40.0]"),
        (TEXT.replace("30, 40", "30, 2"), "box 0 is inverted"),
        (TEXT.replace("640", "640.5"), "width: expected a whole number, got 640.5"),
        (TEXT.replace("640", "0"), "an image of 0 x 480 pixels"),
        (TEXT.replace("0.25", "9" * 400), "seconds: a number is too large"),
        (TEXT.replace("0.25", "-1"), "seconds: -1.0 is not a duration"),
        (TEXT.replace('"a"', '""'), "the id is empty"),
        (TEXT.replace('"a"', "7"), "id: expected a string, got 7"),
        (TEXT.replace('"scores"', '"score"'), "no 'scores'; a line holds id, path,"),
        (TEXT.replace("a.jpg", "\udcff.jpg"), "codec can't decode"),
    ],
)  # fmt: skip
def test_a_bad_line_is_told_in_one_line_with_its_place(tmp_path, line, message):
    path = tmp_path / "detections.jsonl"
    first = json.dumps({**LINE, "id": "first"})
    path.write_bytes(f"{first}\n{line}\n".encode(errors="surrogateescape"))
    with pytest.raises(DetectionsFileError) as error:
        list(read_detections(path))
    assert str(error.value).startswith(f"{path}:2: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_image_may_be_there_once(tmp_path):
    with pytest.raises(DetectionsFileError, match=r"detections.jsonl:3: image 'a' was already on line 1"):
        list(read_detections(written(tmp_path, TEXT, json.dumps({**LINE, "id": "b"}), TEXT)))


def test_a_line_that_is_cut_off_says_what_to_do(tmp_path):
    with pytest.raises(DetectionsFileError, match=r":1: not JSON .* cut off: give the command"):
        list(read_detections(written(tmp_path, TEXT[:-9], end="")))


def test_records_validate_themselves():
    with pytest.raises(ValueError, match=r"boxes \(D, 4\)"):
        record(boxes=[1, 2, 3, 4])
    with pytest.raises(ValueError, match="score 0 is nan"):
        record(scores=[np.nan])


numbers = st.floats(0, 2000, width=32)


@given(
    st.lists(st.tuples(numbers, numbers, numbers, numbers, st.floats(-9, 9, width=32)), max_size=4),
    st.text(min_size=1, max_size=9),
)
def test_float32_detections_come_back_bit_by_bit(rows, image):
    corners = np.array([row[:4] for row in rows], np.float32).reshape(-1, 2, 2)
    boxes = np.sort(corners, axis=1).reshape(-1, 4)
    scores = np.array([row[4] for row in rows], np.float32)
    before = Detections(boxes, scores, np.arange(len(rows)) % 2)
    line = ImageDetections.of(before, ["cat", "dog"], id=image, path="p", size=(9, 9), seconds=0).to_json()
    assert "\n" not in line
    read = ImageDetections.from_json(line)
    assert read.id == image
    np.testing.assert_array_equal(read.boxes.astype(np.float32), before.boxes)
    np.testing.assert_array_equal(read.scores.astype(np.float32), before.scores)
    assert read.labels == tuple(("cat", "dog")[label] for label in before.labels)


def test_numbers_are_written_short():
    found = Detections(np.array([[0.1, 1, 2.3, 4]], np.float32), np.array([0.3], np.float32), np.array([0]))
    line = ImageDetections.of(found, ["cat"], id="a", path="a.jpg", size=(4, 4), seconds=0.5).to_json()
    assert '"boxes": [[0.1, 1.0, 2.3, 4.0]], "labels": ["cat"], "scores": [0.3]' in line


def test_labels_without_a_name_are_refused():
    found = Detections(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), np.array([1]))
    with pytest.raises(ValueError, match="image 'a': label 1 among 1 classes"):
        ImageDetections.of(found, ["cat"], id="a", path="a.jpg", size=(4, 4), seconds=0)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "folder" / "detections.jsonl"
    with DetectionsWriter(path) as writer:
        assert writer.done == frozenset()
        writer.write(record("a"))
        assert [read.id for read in read_detections(path)] == ["a"]  # there before the file is closed
        writer.write(record("straße/ü.jpg"))
    assert [read.id for read in read_detections(path)] == ["a", "straße/ü.jpg"]


@pytest.mark.parametrize("torn", [b"", b"{", b'{"id": "b', TEXT.replace('"a"', '"b"').encode()], ids=str)
def test_a_killed_run_goes_on(tmp_path, torn):
    path = tmp_path / "detections.jsonl"
    with DetectionsWriter(path) as writer:
        writer.write(record("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with DetectionsWriter(path) as writer:
        assert writer.done == {"a"}
        assert path.read_bytes() == whole
        writer.write(record("b"))
    assert [read.id for read in read_detections(path)] == ["a", "b"]


@pytest.mark.parametrize("others", [[], ["b"]], ids=["alone", "behind another"])
def test_a_last_line_of_another_program_without_an_end_is_kept(tmp_path, others):
    """It was read, so it counts as done; what is done must be there."""
    keys_in_other_order = json.dumps(dict(reversed(LINE.items())))
    path = written(tmp_path, *(json.dumps({**LINE, "id": id}) for id in others), keys_in_other_order, end="")
    before = path.read_bytes()
    with DetectionsWriter(path) as writer:
        assert writer.done == {*others, "a"}
        assert path.read_bytes() == before + b"\n"
        writer.write(record("c"))
    assert [read.id for read in read_detections(path)] == [*others, "a", "c"]


def test_a_run_killed_in_its_first_line_begins_anew(tmp_path):
    path = written(tmp_path, TEXT[:20], end="")
    with DetectionsWriter(path) as writer:
        assert writer.done == frozenset()
    assert path.read_bytes() == b""


def test_the_torn_line_may_be_longer_than_a_block(tmp_path):
    path = tmp_path / "detections.jsonl"
    path.write_bytes(f"{TEXT}\n".encode() + b'{"id": "b", "path": "' + b"x" * 3_000_000)
    with DetectionsWriter(path) as writer:
        assert writer.done == {"a"}
    assert path.read_text() == f"{TEXT}\n"


@pytest.mark.parametrize(
    "content", [b'[{"image_id": 1}]', b'{"images": []}', b"\xff\xd8\xff\xe0", b"{}\n", b"no\n" + TEXT.encode()]
)
def test_a_file_of_another_kind_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "detections.jsonl"
    path.write_bytes(content)
    with pytest.raises(DetectionsFileError, match=r"detections\.jsonl:1: "):
        DetectionsWriter(path)
    assert path.read_bytes() == content


def test_an_image_is_written_once(tmp_path):
    with DetectionsWriter(tmp_path / "detections.jsonl") as writer:
        writer.write(record("a"))
        with pytest.raises(ValueError, match="image 'a' is already there"):
            writer.write(record("a"))
    assert len(list(read_detections(tmp_path / "detections.jsonl"))) == 1


def test_the_best_come_first_and_only_those_that_score_enough():
    found = ImageDetections("a", "a", 9, 9, [[0, 0, 1, 1]] * 4, ("x", "y", "x", "y"), [0.2, 0.9, 0.6, 0.2], 0)
    assert found.best_first() == [1, 2, 0, 3]
    assert found.best_first(0.6) == [1, 2]
    assert found.best_first({"x": 0.1, "y": 0.95}) == [2, 0]
    assert ImageDetections("a", "a", 9, 9, [], (), [], 0).best_first({}) == []
