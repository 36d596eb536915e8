import numpy as np
import pytest

from detection.boxes import iou
from detection.evaluation import matching
from detection.evaluation.ilsvrc import lenient_bars
from detection.evaluation.matching import match, rank
from detection.evaluation.tables import DetectionTable, ObjectTable


def table(*rows) -> DetectionTable:
    """Rows of (image, score, x1, y1, x2, y2)."""
    columns = np.array(rows, float).reshape(-1, 6)
    images = columns[:, 0].astype(np.int64)
    return DetectionTable(images, np.zeros_like(images), columns[:, 1], columns[:, 2:])


def objects(*rows, ignored=()) -> ObjectTable:
    """Rows of (image, x1, y1, x2, y2)."""
    columns = np.array(rows, float).reshape(-1, 5)
    images = columns[:, 0].astype(np.int64)
    flags = np.array([row in ignored for row in range(len(images))], bool)
    return ObjectTable(images, np.zeros_like(images), columns[:, 1:], flags)


def verdicts(detections, truth, *, best_free=False, bar=0.5) -> list[int]:
    return match(detections, truth, np.full(len(truth), bar), best_free=best_free).verdicts.tolist()


def test_an_overlap_equal_to_the_bar_is_enough():
    truth = objects((0, 0, 0, 10, 10))
    assert verdicts(table((0, 1, 0, 0, 10, 5)), truth) == [1]
    assert verdicts(table((0, 1, 0, 0, 10, 4.999)), truth) == [0]


def test_the_bar_is_met_in_float64():
    """8392704 pixels of 16785409 are less than half; float32 cannot hold the odd number and says one half."""
    box, other = [0, 0, 4096, 2049], [0, 0, 4097, 4097]
    assert iou(np.array([box], np.float32), np.array([other], np.float32)) == 0.5
    assert verdicts(table((0, 1, *box)), objects((0, *other))) == [0]


def test_a_second_detection_of_an_object_is_false():
    assert verdicts(table((0, 0.9, 0, 0, 10, 10), (0, 0.8, 0, 0, 10, 10)), objects((0, 0, 0, 10, 10))) == [1, 0]


def test_where_the_best_object_is_taken_voc_gives_up_and_ilsvrc_takes_another():
    truth = objects((0, 0, 0, 10, 10), (0, 0, 0, 10, 8))
    found = table((0, 0.9, 0, 0, 10, 10), (0, 0.8, 0, 0, 10, 10))
    assert verdicts(found, truth) == [1, 0]
    assert verdicts(found, truth, best_free=True) == [1, 1]


def test_difficult_objects_are_neither_and_stay_free():
    truth = objects((0, 0, 0, 10, 10), ignored=[0])
    assert verdicts(table((0, 0.9, 0, 0, 10, 10), (0, 0.8, 0, 0, 10, 10)), truth) == [-1, -1]


def test_a_difficult_object_below_the_bar_excuses_nothing():
    assert verdicts(table((0, 0.9, 0, 0, 10, 4)), objects((0, 0, 0, 10, 10), ignored=[0])) == [0]


def test_of_equal_overlaps_the_first_object_is_taken():
    truth = objects((0, 0, 0, 10, 10), (0, 0, 0, 10, 10))
    assert match(table((0, 1, 0, 0, 10, 10)), truth, np.full(2, 0.5), best_free=False).objects.tolist() == [0]


def test_the_object_overlapped_most_decides_not_the_first_above_the_bar():
    truth = objects((0, 0, 0, 10, 6), (0, 0, 0, 10, 9))
    assert match(table((0, 1, 0, 0, 10, 10)), truth, np.full(2, 0.5), best_free=False).objects.tolist() == [1]


def test_objects_of_other_images_are_not_seen():
    assert verdicts(table((1, 1, 0, 0, 10, 10)), objects((0, 0, 0, 10, 10))) == [0]


def test_each_object_has_its_own_bar():
    truth = objects((0, 0, 0, 10, 10), (0, 0, 0, 10, 8))
    met = match(table((0, 1, 0, 0, 10, 6)), truth, np.array([0.55, 0.9]), best_free=True).objects
    assert met.tolist() == [0]  # the second is overlapped more, .75, but asks for .9


@pytest.mark.parametrize("box", [(5, 0, 3, 10), (0, 5, 10, 3), (4, 4, 4, 8), (8, 8, 2, 2)], ids=str)
def test_boxes_without_area_meet_nothing(box):
    assert verdicts(table((0, 1, *box)), objects((0, 0, 0, 10, 10)), bar=0.0) == [0]


def test_empty_is_ordinary():
    assert verdicts(table(), objects()) == []
    assert verdicts(table(), objects((0, 0, 0, 1, 1))) == []
    assert verdicts(table((0, 1, 0, 0, 1, 1)), objects()) == [0]


def test_equal_scores_go_by_row_or_by_image_first():
    found = table((2, 0.5, 0, 0, 1, 1), (0, 0.5, 0, 0, 1, 1), (1, 0.9, 0, 0, 1, 1), (0, 0.5, 0, 0, 2, 2))
    assert rank(found, ties_by_image=False).tolist() == [2, 0, 1, 3]
    assert rank(found, ties_by_image=True).tolist() == [2, 1, 3, 0]


def test_small_objects_ask_for_less():
    """(w, h) -> min(.5, wh / ((w + 10)(h + 10))): 10 x 10 gives a quarter; from about 25 x 25 on it is a half."""
    bars = lenient_bars(np.array([[0, 0, 10, 10], [0, 0, 24, 24], [0, 0, 25, 25], [5, 5, 305, 405]], float))
    np.testing.assert_allclose(bars, [0.25, 24 * 24 / 34**2, 0.5, 0.5])


@pytest.mark.parametrize("best_free", [True, False])
@pytest.mark.parametrize("portion", [1, 2, 7])
def test_portions_of_pairs_are_matched_as_all_at_once(monkeypatch, best_free, portion):
    random = np.random.default_rng(portion)
    corners = random.integers(0, 6, (300, 2))
    rows = np.column_stack([random.integers(0, 4, 300), random.random(300), corners, corners + 8])
    truth = objects(*rows[:30, [0, 2, 3, 4, 5]], ignored=[3, 4])
    found = table(*rows)
    whole = match(found, truth, np.full(30, 0.5), best_free=best_free)
    monkeypatch.setattr(matching, "PORTION", portion)
    parts = match(found, truth, np.full(30, 0.5), best_free=best_free)
    assert {1, 0, -1} <= set(whole.verdicts.tolist())
    np.testing.assert_array_equal(parts.verdicts, whole.verdicts)
    np.testing.assert_array_equal(parts.objects, whole.objects)
