"""OpenCV's selective search; what needs opencv-contrib skips where the plain OpenCV is installed."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from detection.proposals.opencv import MODES, OpenCVSelectiveSearch
from tests.contracts import assert_is_proposer

contrib = pytest.mark.skipif(not hasattr(cv2, "ximgproc"), reason="needs opencv-contrib-python")
noise = np.random.default_rng(0).integers(0, 256, (60, 150, 3), dtype=np.uint8)


@contrib
@pytest.mark.parametrize("mode", MODES)
def test_opencv_is_a_proposer(mode):
    assert_is_proposer(OpenCVSelectiveSearch(mode, width=90))


@contrib
def test_a_drawn_object_is_found_to_its_last_pixel():
    image = np.full((60, 80, 3), 90, np.uint8)
    image[20:45, 15:50] = 220, 30, 30
    boxes = OpenCVSelectiveSearch(width=None)(image).boxes
    assert np.abs(boxes - [15, 20, 50, 45]).max(axis=1).min() <= 2  # OpenCV smooths before it segments
    assert [0, 0, 80, 60] in boxes.tolist()


@contrib
def test_the_boxes_are_opencv_s_own_and_all_of_them():
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(noise[:, :, ::-1]))
    search.switchToSelectiveSearchFast()
    theirs = {(x, y, x + width, y + height) for x, y, width, height in search.process().tolist()}
    ours = OpenCVSelectiveSearch(width=None, min_side=0)(noise).boxes
    assert {tuple(box) for box in ours.astype(int).tolist()} == theirs
    assert len(ours) == len(theirs) > 20


@contrib
def test_the_order_is_the_seed_s_in_every_thread():
    proposer = OpenCVSelectiveSearch(width=None, min_side=0)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(proposer, [noise] * 8))
    assert all(np.array_equal(one.boxes, found[0].boxes) for one in found)
    other = OpenCVSelectiveSearch(width=None, min_side=0, seed=1)(noise)
    assert not np.array_equal(other.boxes, found[0].boxes)
    assert {tuple(box) for box in other.boxes.tolist()} == {tuple(box) for box in found[0].boxes.tolist()}


@contrib
def test_larger_superpixels_give_fewer_boxes():
    fine, coarse = (OpenCVSelectiveSearch(superpixel_scale=scale, width=None, min_side=0) for scale in (0.5, 4))
    assert len(coarse(noise)) < len(fine(noise))


@contrib
def test_what_opencv_gives_up_on_is_a_value_error(monkeypatch):
    class Search:
        def setBaseImage(self, image):  # noqa: N802 - OpenCV's name
            raise cv2.error("(-215:Assertion failed)")

    monkeypatch.setattr(cv2.ximgproc.segmentation, "createSelectiveSearchSegmentation", Search)
    with pytest.raises(ValueError, match=r"gave up on an image of shape \(60, 150, 3\).*Assertion failed"):
        OpenCVSelectiveSearch()(noise)


@contrib
def test_settings_say_which_opencv_it_is_and_that_2_is_2():
    settings = OpenCVSelectiveSearch(superpixel_scale=2).settings
    assert (settings["method"], settings["version"]) == ("opencv", cv2.__version__)
    assert repr(settings["superpixel_scale"]) == "2.0"
    with pytest.raises(ValueError, match="superpixel_scale must be above 0, got 0"):
        OpenCVSelectiveSearch(superpixel_scale=0)


def test_an_unknown_mode_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"no mode 'rcnn-fast' of OpenCV.*fast, quality, single"):
        OpenCVSelectiveSearch("rcnn-fast")


def test_without_contrib_the_message_says_what_to_do(monkeypatch):
    monkeypatch.delattr(cv2, "ximgproc", raising=False)
    with pytest.raises(ModuleNotFoundError, match="pip install opencv-contrib-python; or use the engine selective-sea"):
        OpenCVSelectiveSearch()
