import math

import numpy as np
import pytest

from detection.report.proposals.measure import measure
from tests.detection.report.proposals.photos import FAR, HALF, HEIGHT, WHOLE, WIDTH, Known, measured, photos


def test_boxes_and_objects_by_hand(tmp_path):
    one = measured(tmp_path)
    assert one.covered.counts.tolist() == [2, 1, 0]
    assert one.covered.image_of.tolist() == [0, 0, 1, 2]
    assert one.covered.best[:, -1].tolist() == [1, 0, 0.5, 0]
    assert one.covered.nearest.tolist() == [WHOLE, [0] * 4, HALF, [0] * 4]
    assert one.sizes.tolist() == [[WIDTH, HEIGHT]] * 3
    assert one.relative_sides() == pytest.approx([math.sqrt(1600 / 8000), math.sqrt(100 / 8000)] * 2)


def test_only_photos_that_were_computed_are_timed(tmp_path):
    dataset = photos(tmp_path)
    first = measure("a", dataset, Known(), tmp_path / "store", 2, lambda *_: None)
    assert (len(first.seconds), first.from_store) == (3, 0)
    assert first.timing.startswith("3 photos computed, 2 photos at once: median 0.")
    again = measure("a", dataset, Known(), tmp_path / "store", 1, lambda *_: None)
    assert (len(again.seconds), again.from_store) == (0, 3)
    assert again.timing == "all boxes from the store: no time to tell"
    assert math.isnan(again.median_seconds)
    (next((tmp_path / "store").rglob("*.proposals"))).unlink()
    partly = measure("a", dataset, Known(), tmp_path / "store", 1, lambda *_: None)
    assert (len(partly.seconds), partly.from_store) == (1, 2)


def test_a_photo_that_cannot_be_read_is_left_out_and_told(tmp_path, caplog):
    dataset = photos(tmp_path)
    dataset.path(1).write_bytes(b"no photo")
    one = measure("a", dataset, Known(), tmp_path / "store", 1, lambda *_: None)
    assert one.positions.tolist() == [0, 2]
    assert one.covered.image_of.tolist() == [0, 0, 1]
    assert [failure.photo for failure in one.failures] == [dataset.path(1)]
    assert "1.png" in caplog.text


def test_progress_counts_every_photo(tmp_path):
    said = []
    measure("x2", photos(tmp_path), Known(), tmp_path / "store", 1, lambda *now: said.append(now))
    assert said == [("x2", 1, 3), ("x2", 2, 3), ("x2", 3, 3)]


def test_boxes_of_a_fallback_are_counted(tmp_path):
    from dataclasses import replace

    class Late(Known):
        def __call__(self, image):
            return replace(super().__call__(image), fallback="sliding-grid")

    one = measure("a", photos(tmp_path), Late(), tmp_path / "store", 1, lambda *_: None)
    assert one.fallbacks == 3
    assert "3 took too long" in one.timing


def test_average_recall_is_the_mean_over_coco_s_overlaps(tmp_path):
    """Of the four objects one is met exactly, one by 0.75, which float32 holds exactly, two not at all."""
    three_quarters = [0, 0, 40, 30]
    one = measured(tmp_path, ([WHOLE], [three_quarters], []))
    assert one.covered.best[:, -1].tolist() == [1, 0, 0.75, 0]
    assert one.covered.average_recall() == pytest.approx((6 * 0.5 + 4 * 0.25) / 10)
    assert one.covered.recall(0.75) == 0.5


def test_an_overlap_of_a_tenth_is_met_exactly(tmp_path):
    """0.7 is no float32: rounded up or down, an overlap of seven tenths counts as 0.7."""
    seven_tenths = [0, 0, 28, 40]
    one = measured(tmp_path, ([seven_tenths], [seven_tenths], [FAR]))
    assert one.covered.recall(0.7) == 0.75
    assert one.covered.recall(np.float64(0.7)) == 0.75
