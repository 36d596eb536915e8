"""COCO's figures, against pycocotools run on files."""

import contextlib
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detection.converters.read_any import read_any
from detection.datasets.coco import open_coco
from detection.datasets.open import open_dataset
from detection.evaluation.analysis import judge_under
from detection.evaluation.coco import PRECISIONS, RECALLS, coco, in_coco_order, xywh
from detection.evaluation.naming import ClassNames, place
from detection.evaluation.result import Evaluation
from detection.evaluation.tables import DetectionTable
from detection.structures import Detections, Target
from tests.golden.cases import FOLDER, read_json

NAMES = [*PRECISIONS, *RECALLS]
EXACT = {"rel": 0, "abs": 1e-12, "nan_ok": True}


def official(truth: Path, results: Path) -> dict[str, float]:
    """The twelve figures of pycocotools, and the AP of every category by its name."""
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = COCO(truth)
        judged = COCOeval(annotations, annotations.loadRes(str(results)), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    figures = {name: value if value >= 0 else math.nan for name, value in zip(NAMES, judged.stats, strict=True)}
    for row, category in enumerate(judged.params.catIds):
        precisions = judged.eval["precision"][:, :, row, 0, 2]
        name = annotations.cats[category]["name"]
        figures[name] = float(precisions.mean()) if precisions.min() >= 0 else math.nan
    return figures


def ours(truth: Path, results: Path) -> dict[str, float]:
    """The same by this project, from the same files."""
    dataset = open_dataset(truth)
    placed = place(read_any(results, dataset, dataset.category_ids), dataset.ids, ClassNames(dataset.class_names))
    order = in_coco_order(range(len(dataset)), dataset.ids)
    targets = [dataset.target(image) for image in order]
    return as_figures(coco(placed.table.in_images(order), targets, dataset.class_names))


def as_figures(evaluation: Evaluation) -> dict[str, float]:
    return {**evaluation.figures, **{name: result.ap for name, result in evaluation.classes.items()}}


def test_published_results_score_as_pycocotools_says(shared):
    folder = shared / "data" / "coco_fakebbox100"
    files = folder / "instances_val2014_100.json", folder / "instances_val2014_fakebbox100_results.json"
    figures = ours(*files)
    assert figures == pytest.approx(official(*files), **EXACT)
    published = {"AP": 0.505, "AP50": 0.697, "AP75": 0.573, "AR100": 0.595}
    assert {name: round(figures[name], 3) for name in published} == published


def write_random_case(folder: Path, seed: int) -> tuple[Path, Path]:
    """Clustered boxes with equal scores, crowds, flat classes, and in one image more than 100 detections of a class."""
    random = np.random.default_rng(seed)
    ids = random.permutation(50)[:6] + 1
    images = [{"id": int(n), "file_name": f"{n}.jpg", "width": 640, "height": 640} for n in ids]
    categories = [{"id": number, "name": f"class {number}"} for number in (3, 1, 8, 90)]  # 90 has no object

    def boxes(count: int) -> list[list[float]]:
        corner, side = random.integers(0, 40, (count, 2)) * 10 + 0.1, random.choice([3.3, 24.0, 32.0, 96.0, 150.15], 2)
        return np.concatenate([corner, np.broadcast_to(side, corner.shape)], axis=1).round(2).tolist()

    def somewhere(number: int) -> dict[str, int]:
        return {"id": number, "image_id": int(random.choice(ids)), "category_id": int(random.choice([1, 3, 8]))}

    annotations = [
        {**somewhere(number), "bbox": box, "area": round(box[2] * box[3] * random.choice([0.5, 1]), 3)}
        | {"iscrowd": int(random.random() < 0.15)}
        for number, box in enumerate([box for _ in range(9) for box in boxes(5)], start=1)
    ]
    found = []
    for annotation in annotations:
        x, y, width, height = annotation["bbox"]
        for part in random.choice([0.5, 0.55, 0.75, 0.95, 1], 4):  # overlaps at the bars, but for the last bits
            box = [x, y, round(width * part, 4), height]
            found.append({**annotation, "bbox": box, "score": round(float(random.random()), 1)})
    many = {"image_id": int(ids[0]), "category_id": 1, "score": 0.5}
    found += [{**many, "bbox": box} for _ in range(13) for box in boxes(10)]
    found += [{**many, "category_id": 90, "bbox": box} for box in boxes(3)]
    wanted = ("image_id", "category_id", "bbox", "score")
    results = [{key: entry[key] for key in wanted} for entry in found]
    truth = {"images": images, "categories": categories, "annotations": annotations}
    paths = folder / "instances_random.json", folder / "results.json"
    for path, content in zip(paths, (truth, results), strict=True):
        path.write_text(json.dumps(content))
    return paths


@pytest.mark.parametrize("seed", range(12))
def test_random_cases_score_as_pycocotools_says(tmp_path, seed):
    files = write_random_case(tmp_path, seed)
    expected = official(*files)
    assert 0 < expected["AP"] < 1
    assert math.isnan(expected["class 90"])
    assert ours(*files) == pytest.approx(expected, **EXACT)


def test_golden_numbers():
    folder = FOLDER / "coco"
    golden = {
        name: math.nan if value is None else value for name, value in read_json(folder / "golden.json.gz").items()
    }
    assert ours(folder / "instances_random.json", folder / "results.json") == pytest.approx(golden, **EXACT)


@settings(max_examples=200)
@given(st.lists(st.tuples(*[st.integers(0, 10**8)] * 4), min_size=1, max_size=20), st.integers(0, 5))
def test_sides_are_the_decimals_that_a_file_states(numbers, digits):
    """``(x + width) - x`` is not always ``width``; here it is."""
    stated = np.array(numbers, float) / 10**digits
    corners = np.concatenate([stated[:, :2], stated[:, :2] + stated[:, 2:]], axis=1)
    np.testing.assert_array_equal(xywh(corners), stated)


def test_sides_of_more_digits_are_their_difference():
    corners = np.array([[0.1, 0.2, 0.1 + math.pi, 0.2 + math.e]])
    np.testing.assert_array_equal(xywh(corners)[:, 2:], corners[:, 2:] - corners[:, :2])


def test_boxes_that_leave_their_photo_are_measured_whole(tmp_path, caplog):
    """For training they are cut, as is told; COCO's score is that of the annotation."""
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [80, 10, 40, 40], "area": 1600, "iscrowd": 0}
    images = [{"id": 1, "file_name": "1.jpg", "width": 100, "height": 100}]
    truth = {"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": [annotation]}
    found = [{"image_id": 1, "category_id": 1, "bbox": [80, 10, 20, 40], "score": 0.5}]
    files = tmp_path / "instances.json", tmp_path / "results.json"
    for path, content in zip(files, (truth, found), strict=True):
        path.write_text(json.dumps(content))
    figures = ours(*files)
    assert figures == pytest.approx(official(*files), **EXACT)
    assert figures["AP"] == pytest.approx(0.1)  # half of it is found
    assert "were cut to it" in caplog.text


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_the_analysis_of_coco_is_of_the_boxes_that_coco_measures(tmp_path_factory, seed):
    """Many objects leave their photo; what is found ends at its border."""
    random = np.random.default_rng(seed)
    boxes = np.concatenate([random.integers(0, 90, (30, 2)), random.integers(8, 100, (30, 2))], axis=1)
    where = [{"image_id": number % 3 + 1, "category_id": 1} for number in range(30)]
    annotations = [
        {**one, "id": number, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for number, (one, box) in enumerate(zip(where, boxes.tolist(), strict=True), start=1)
    ]
    images = [{"id": number, "file_name": f"{number}.jpg", "width": 100, "height": 100} for number in (1, 2, 3)]
    file = tmp_path_factory.mktemp("coco") / "instances.json"
    truth = {"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": annotations}
    file.write_text(json.dumps(truth))
    targets = open_coco(file).targets
    found = np.column_stack([boxes[:, :2], np.minimum(boxes[:, :2] + boxes[:, 2:], 100)]).astype(float)
    table = DetectionTable(np.arange(30) % 3, np.zeros(30, np.int64), random.permutation(30) / 30, found)
    expected = coco(table, targets, ["cat"]).figures["AP50"]
    assert judge_under("coco", table, targets, ["cat"]).mean_ap == pytest.approx(expected, **EXACT)


def test_targets_without_a_file_are_measured_to_the_decimals_of_float32():
    """Both sides in memory, of 150.15 and half of it: the overlap is .5, if no digit is lost."""
    truth, found = [0.1, 0.1, 150.25, 150.25], [0.1, 0.1, 75.175, 150.25]
    table = DetectionTable(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1), np.array([found]))
    assert coco(table, [target(truth)], ["cat"]).figures["AP50"] == pytest.approx(1)


def detections(*rows) -> Detections:
    """Rows of (score, x1, y1, x2, y2) of the class 0."""
    columns = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(columns[:, 1:], columns[:, 0], np.zeros(len(rows), np.int64))


def target(*boxes, **flags) -> Target:
    return Target(np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64), **flags)


BOX = (0, 0, 40, 40)


def test_the_first_object_counts():
    """In pycocotools an annotation with the id 0 is none; here annotations are numbered from 1."""
    assert coco([detections((1, *BOX))], [target(BOX)], ["cat"]).mean_ap == pytest.approx(1)


def test_a_crowd_excuses_all_that_lies_in_it():
    truth = target(BOX, (100, 0, 300, 200), crowd=np.array([False, True]))
    inside = [(0.9, 110, 10, 130, 30), (0.8, 150, 50, 170, 90)]
    result = coco([detections(*inside, (0.5, *BOX))], [truth], ["cat"]).classes["cat"]
    assert (result.ap, result.positives, result.detections) == (pytest.approx(1), 1, 3)
    assert coco([detections((0.9, 400, 0, 440, 40), (0.5, *BOX))], [truth], ["cat"]).mean_ap == pytest.approx(0.5)


def test_a_difficult_object_excuses_one_detection():
    other = (100, 0, 140, 40)
    truth = target(BOX, other, difficult=np.array([False, True]))
    assert coco([detections((0.9, *other), (0.5, *BOX))], [truth], ["cat"]).mean_ap == pytest.approx(1)
    assert coco([detections((0.9, *other), (0.8, *other), (0.5, *BOX))], [truth], ["cat"]).mean_ap == pytest.approx(0.5)


def test_the_best_hundred_of_an_image_count():
    wrong = [(0.9, 100, 100, 140, 140)] * 100
    assert coco([detections(*wrong[1:], (0.5, *BOX))], [target(BOX)], ["cat"]).mean_ap == pytest.approx(0.01)
    late = coco([detections(*wrong, (0.5, *BOX))], [target(BOX)], ["cat"])
    assert (late.mean_ap, late.classes["cat"].detections) == (0, 100)


def test_areas_are_those_of_the_annotation():
    """A segment of 1000 pixels is small, however large its box."""
    figures = coco([detections((1, *BOX))], [target(BOX, areas=np.array([1000.0]))], ["cat"]).figures
    assert figures["APs"] == pytest.approx(1)
    assert math.isnan(figures["APm"])


def test_the_curve_is_that_of_half_an_overlap():
    found = detections((0.9, 0, 0, 40, 21), (0.8, 0, 0, 40, 19))
    result = coco([found], [target(BOX)], ["cat"]).classes["cat"]
    np.testing.assert_allclose(result.recall, [1, 1])
    np.testing.assert_allclose(result.precision, [1, 0.5])
    assert result.figures["AP50"] == pytest.approx(1)
    assert result.ap == pytest.approx(0.1)  # .525 of overlap passes the first of ten bars


def test_nothing_is_printed(capfd):
    coco([detections((1, *BOX))], [target(BOX)], ["cat"])
    assert capfd.readouterr() == ("", "")


def test_images_are_taken_in_the_order_of_their_numbers():
    assert in_coco_order([0, 1, 2], ["10", "9", "100"]) == [1, 0, 2]
    assert in_coco_order([2, 0], ["b", "9", "a"]) == [2, 0]


def test_a_summary_has_the_twelve_figures_by_their_usual_names():
    summary = coco([detections((1, *BOX))], [target(BOX)], ["cat", "dog"]).summary()
    assert summary["AP"] == summary["mean_ap"] == pytest.approx(1)
    assert summary["APs"] is None
    assert [name for name in summary if name.startswith("A")] == NAMES
    assert summary["classes"]["dog"]["ap"] is None
    assert summary["classes_in_mean"] == 1
