import itertools
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from detection.images import decode_image
from detection.proposals.selective_search import MODES, OutOfTimeError, SelectiveSearch
from tests.conftest import REPOSITORY
from tests.contracts import assert_is_proposals, assert_is_proposer, odd_images


def scene(seed, height=90, width=120):
    """Rectangles and discs of random colours on a slope, with a little noise."""
    random = np.random.default_rng(seed)
    image = np.repeat(np.linspace(40, 200, width)[None, :, None], height, axis=0) * np.ones(3)
    for number in range(12):
        colour = tuple(random.integers(0, 256, 3).tolist())
        x, y = random.integers(0, (width, height)).tolist()
        if number % 2:
            cv2.circle(image, (x, y), int(random.integers(4, 20)), colour, -1)
        else:
            cv2.rectangle(image, (x, y), (x + int(random.integers(5, 50)), y + int(random.integers(5, 40))), colour, -1)
    return np.clip(image + random.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def same_bytes(one, other):
    return one.boxes.tobytes() == other.boxes.tobytes() and one.scores.tobytes() == other.scores.tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_a_proposer(mode):
    assert_is_proposer(SelectiveSearch(mode, width=60))


def test_odd_images_at_the_usual_width():
    proposer = SelectiveSearch()
    for name in ("one pixel", "black", "squares", "two by two"):
        image = odd_images()[name]
        assert_is_proposals(proposer(image), image)


def test_without_a_width_boxes_are_whole_pixels_of_the_image():
    image = scene(0)
    boxes = SelectiveSearch(width=None, min_side=0)(image).boxes
    assert (boxes == np.rint(boxes)).all()
    assert [0, 0, 120, 90] in boxes.tolist()


def test_boxes_are_distinct_and_none_is_too_small():
    boxes = SelectiveSearch(width=240, min_side=20)(scene(1)).boxes
    assert len(np.unique(boxes, axis=0)) == len(boxes) > 20
    assert (boxes[:, 2:] - boxes[:, :2]).min() >= 10  # 20 pixels at twice the size


def test_a_drawn_object_is_found():
    image = np.full((100, 150, 3), 90, np.uint8)
    image[30:70, 40:100] = 200, 40, 40
    boxes = SelectiveSearch(width=None)(image).boxes
    assert np.abs(boxes - [40, 30, 100, 70]).max(axis=1).min() <= 2


def test_one_colour_is_one_box():
    assert SelectiveSearch()(np.full((40, 60, 3), 80, np.uint8)).boxes.tolist() == [[0, 0, 60, 40]]


def test_larger_superpixels_give_fewer_boxes():
    image = scene(2)
    fine, coarse = (SelectiveSearch(superpixel_scale=scale, min_side=0)(image) for scale in (1, 2))
    assert len(coarse) < 0.8 * len(fine)


def test_the_seed_changes_the_order_alone():
    image = scene(3)
    one, other = (SelectiveSearch(width=None, min_side=0, seed=seed)(image).boxes for seed in (0, 1))
    assert (one != other).any()
    assert sorted(one.tolist()) == sorted(other.tolist())


def test_red_is_not_blue():
    image = scene(4)
    image[..., 2] //= 4
    swapped = np.ascontiguousarray(image[..., ::-1])
    assert not np.array_equal(SelectiveSearch()(image).boxes, SelectiveSearch()(swapped).boxes)


def test_runs_threads_and_the_order_of_images_give_the_same_bytes():
    proposer = SelectiveSearch(width=200)
    images = [scene(seed, 60 + 7 * seed, 150 - 11 * seed) for seed in range(8)]
    alone = [proposer(image) for image in images]
    backwards = [SelectiveSearch(width=200)(image) for image in reversed(images)][::-1]
    with ThreadPoolExecutor(4) as threads:
        barrier = threading.Barrier(4)

        def together(image):
            barrier.wait()
            return proposer(image)

        side_by_side = list(threads.map(together, images))
    for one, second, third in zip(alone, backwards, side_by_side, strict=True):
        assert same_bytes(one, second)
        assert same_bytes(one, third)


def test_opencvs_threads_make_no_difference():
    image, before = scene(5), cv2.getNumThreads()
    try:
        found = []
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            found.append(SelectiveSearch()(image))
    finally:
        cv2.setNumThreads(before)
    assert same_bytes(*found)


@pytest.mark.slow
def test_the_plainest_processor_gives_the_same_bytes(tmp_path):
    """Without FMA and vectors, in Numba and in OpenCV; this stands for another machine."""
    image = scene(8, 240, 333)
    np.save(tmp_path / "image.npy", image)
    program = (
        "import sys, numpy as np\n"
        "from detection.proposals.selective_search import SelectiveSearch\n"
        "found = SelectiveSearch('rcnn-quality')(np.load(sys.argv[1]))\n"
        "print(found.boxes.tobytes().hex() + found.scores.tobytes().hex())\n"
    )
    plain = {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FP16,AVX,SSE4.2,SSE4.1",  # names it does not know are passed over
    }
    command = [sys.executable, "-c", program, str(tmp_path / "image.npy")]
    run = subprocess.run(command, cwd=REPOSITORY, env=os.environ | plain, capture_output=True, text=True, check=True)
    here = SelectiveSearch("rcnn-quality")(image)
    assert run.stdout.strip() == here.boxes.tobytes().hex() + here.scores.tobytes().hex()


@pytest.mark.parametrize("mode", ["rcnn-fast", "rcnn-quality", "single"])
def test_threads_make_no_difference(mode):
    image = scene(6)
    alone, together = SelectiveSearch(mode), SelectiveSearch(mode, threads=2)
    assert same_bytes(alone(image), together(image))
    assert alone.settings == together.settings
    assert alone == together


def test_a_deadline_that_is_met_makes_no_difference():
    image = scene(7)
    assert same_bytes(SelectiveSearch()(image), SelectiveSearch()(image, deadline=time.monotonic() + 600))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_deadline_that_has_passed_is_told_in_words(threads):
    with pytest.raises(OutOfTimeError, match="out of time before segmentation in hsv"):
        SelectiveSearch(threads=threads)(scene(7), deadline=time.monotonic() - 1)
    assert issubclass(OutOfTimeError, TimeoutError)


@pytest.mark.parametrize("stage", [r"the features of \d+ regions in hsv", r"grouping \d+ regions by TSF in hsv"])
def test_a_deadline_is_looked_at_between_stages(monkeypatch, stage):
    clock = itertools.count()
    monkeypatch.setattr("detection.proposals.selective_search.engine.time.monotonic", lambda: next(clock))
    with pytest.raises(OutOfTimeError, match=stage):
        SelectiveSearch()(scene(7), deadline=0 if "features" in stage else 2)


def test_settings_say_what_makes_the_boxes():
    assert SelectiveSearch().settings == {
        "method": "selective-search",
        "version": 1,
        "mode": "rcnn-fast",
        "superpixel_scale": 1.0,
        "width": 500,
        "min_side": 20,
        "seed": 0,
    }
    changed = (
        SelectiveSearch("single"),
        SelectiveSearch(superpixel_scale=2.0),
        SelectiveSearch(width=None),
        SelectiveSearch(min_side=0),
        SelectiveSearch(seed=1),
    )
    for one, other in itertools.combinations((SelectiveSearch(), *changed), 2):
        assert one.settings != other.settings
    whole = SelectiveSearch(superpixel_scale=2)
    assert json.dumps(whole.settings) == json.dumps(SelectiveSearch(superpixel_scale=2.0).settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "fast"}, "'fast'.*rcnn-fast, rcnn-quality"),
        ({"superpixel_scale": 0}, "superpixel_scale.*above 0.*0"),
        ({"superpixel_scale": float("nan")}, "superpixel_scale"),
        ({"superpixel_scale": float("inf")}, "superpixel_scale"),
        ({"width": 0}, "width.*at least 1"),
        ({"threads": 0}, "threads.*at least 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SelectiveSearch(**options)


def test_photos_have_as_many_boxes_as_r_cnn_found(shared):
    """R-CNN: some 2,000 a VOC photo (section 2.2)."""
    photos = sorted((shared / "data/voc2007_5class/VOCdevkit/VOC2007/JPEGImages").glob("*.jpg"))[::150]
    counts = [len(SelectiveSearch()(decode_image(photo))) for photo in photos]
    assert 1000 < np.mean(counts) < 4000
