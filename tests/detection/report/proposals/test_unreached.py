import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.report.proposals.unreached import Unreached, crops, unreached
from tests.detection.report.proposals.photos import FAR, HALF, WHOLE, measured, photos

QUARTER = [0, 0, 20, 20]  # of WHOLE


def test_the_worst_come_first_and_half_an_overlap_reaches(tmp_path):
    dataset = photos(tmp_path)
    missed = unreached(measured(tmp_path, ([QUARTER], [HALF], [])), dataset)
    assert [(one.id, one.best) for one in missed] == [("first", 0), ("<third>", 0), ("first", 0.25)]
    assert (missed[-1].class_name, missed[-1].width, missed[-1].height) == ("cat", 40, 40)


def test_positions_are_those_of_the_data_set_when_a_photo_failed(tmp_path):
    dataset = photos(tmp_path)
    dataset.path(0).write_bytes(b"")
    missed = unreached(measured(tmp_path, dataset=dataset), dataset)
    assert [(one.position, one.id) for one in missed] == [(2, "<third>")]


def test_a_crop_shows_the_object_and_the_nearest_box_in_its_own_frame(tmp_path):
    dataset = photos(tmp_path)
    missed = unreached(measured(tmp_path, ([QUARTER], [WHOLE], [FAR])), dataset)
    far, whole = crops(missed, dataset)
    assert (far.width, far.height) == (15, 15)  # half the object's side around it, cut at the photo's corner
    assert far.boxes == (("object", (5, 5, 10, 10)),)
    assert (whole.width, whole.height) == (60, 60)
    assert whole.boxes == (("object", (0, 0, 40, 40)), ("nearest", (0, 0, 20, 20)))
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(whole.picture), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (60, 60, 3)
    assert (far.shown_width, whole.shown_width) == (170, 170)


@pytest.mark.parametrize(
    "box",
    [(10.1, 10.1, 10.3, 10.3), (99.8, 79.8, 100, 80), (100, 80, 100.5, 80.5), (10, 10, 10.2, 30)],
    ids=["inside", "in the corner", "beyond the border", "narrow"],
)
def test_an_object_smaller_than_a_pixel_has_a_crop(tmp_path: Path, box: tuple[float, ...]) -> None:
    one = Unreached(0, "first", "cat", np.array(box, np.float32), np.zeros(4, np.float32), 0.0)
    (crop,) = crops([one], photos(tmp_path))
    assert min(crop.width, crop.height) >= 1
    assert crop.picture
