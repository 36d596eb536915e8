"""Region warping: the geometry of the original by hand, and three implementations that agree."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.boxes import flip_horizontal
from detection.regions.warp import Warp, crop_by_gather, crop_regions, warp_reference, windows_of
from tests.contracts import odd_images

CPU = torch.device("cpu")
# OpenCV keeps positions in single precision: some 1e-4 of a pixel, times a step of 255
CLOSE = 0.05

# Image of 8 x 6 pixels, crops of 8 with 2 of context: a box is enlarged twofold. Worked out with pencil and paper
# from rcnn_im_crop.m, which counts from 1: half = (x2 - x1 + 1) / 2, centre = x1 + half, round(centre +- 2 half).
BY_HAND = {
    "inside: pixels 2..6 of 5 fill all 8": ((2, 1, 4, 3), (1, 0), (6, 5), (0, 0), (8, 8)),
    "top left: one of 5 is missing, 1.6 becomes 2": ((0, 0, 2, 2), (0, 0), (4, 4), (2, 2), (6, 6)),
    "bottom right: 3 of 5 are left, 4.8 becomes 5": ((6, 4, 8, 6), (5, 3), (8, 6), (0, 0), (5, 5)),
    "right beyond the image": ((9, 1, 11, 3), (0, 0), (1, 1), (0, 0), (0, 0)),
    "larger than the image: 8 of 33 and 6 of 25": ((-4, -3, 12, 9), (0, 0), (8, 6), (3, 3), (2, 2)),
}


@pytest.mark.parametrize("case", BY_HAND.values(), ids=BY_HAND.keys())
def test_windows_are_those_of_the_original(case) -> None:
    box, *expected = case
    windows = windows_of(np.array([box], np.float32), 8, 6, Warp(size=8, context=2))
    found = (windows.start, windows.stop, windows.offset, windows.extent)
    assert [tuple(part[0].tolist()) for part in found] == expected


def test_two_halves_that_round_up_do_not_leave_the_crop() -> None:
    """Of 4 columns 1 is missing: 1.5 pixels become 2, the other 4.5 would become 5 of the 4 that are left."""
    windows = windows_of(np.array([[-0.75, 1, 1.25, 3]], np.float32), 8, 6, Warp(size=6, context=1))
    assert (windows.offset[0, 0], windows.extent[0, 0]) == (2, 4)


def test_without_context_the_box_itself_is_read() -> None:
    """Two pixels stretched over four: a quarter and three quarters of the way between their centres."""
    image = np.zeros((1, 4, 3), np.uint8)
    image[0, 1], image[0, 2] = 0, 100
    crop = warp_reference(image, np.array([[1, 0, 3, 1]], np.float32), Warp(size=4, context=0))
    assert crop[0, 0].tolist() == [[0, 25, 75, 100]] * 4


def test_what_lies_outside_the_image_is_the_border_colour() -> None:
    image = np.full((20, 30, 3), 200, np.uint8)
    crop = warp_reference(image, np.array([[-10, 0, 10, 20]], np.float32), Warp(32, 0, (1.0, 2.0, 3.0)))[0]
    assert np.array_equal(crop[:, :, :16], np.broadcast_to(np.array([1, 2, 3])[:, None, None], (3, 32, 16)))
    assert (crop[:, :, 16:] == 200).all()


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def assert_all_agree(image: np.ndarray, boxes: np.ndarray, warp: Warp) -> None:
    expected = warp_reference(image, boxes, warp)
    gathered = crop_by_gather(torch.from_numpy(np.ascontiguousarray(image)), boxes, warp)
    for crops in (crop_regions(image, boxes, warp, CPU), gathered):
        assert crops.shape == (len(boxes), 3, warp.size, warp.size)
        assert crops.dtype == torch.float32
        assert crops.permute(0, 2, 3, 1).is_contiguous()  # channels last in memory
        assert np.abs(crops.numpy() - expected).max(initial=0) < CLOSE


coordinates = st.one_of(st.integers(-40, 80).map(float), st.floats(-40, 80, width=32))
sides = st.one_of(st.integers(1, 90).map(float), st.floats(0.125, 90, width=32))


@settings(max_examples=60)
@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.lists(st.tuples(coordinates, coordinates, sides, sides), max_size=6),
    st.sampled_from([Warp(24, 2), Warp(17, 3, (9.0, 8.0, 7.0)), Warp(16, 0)]),
)
def test_three_implementations_agree(width: int, height: int, places: list, warp: Warp) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in places], np.float32).reshape(-1, 4)
    assert_all_agree(noise(width, height), boxes, warp)


def test_three_implementations_agree_at_the_size_of_the_network() -> None:
    boxes = [
        (100, 80, 300, 200),  # inside
        (-40, 50, 100, 150),  # over the left edge
        (430, 50, 600, 150),  # the right
        (50, -30, 150, 60),  # the top
        (50, 300, 150, 420),  # the bottom
        (-50, -50, 600, 500),  # all of them
        (700, 10, 800, 90),  # wholly outside
        (-90, -90, -10, -10),
        (250, 150, 251, 151),  # one pixel
        (0, 0, 1, 1),
        (10.3, 20.7, 55.1, 99.9),  # fractions
        (10, 20, 10.2, 20.3),
        (0, 0, 500, 3),  # thin
    ]
    assert_all_agree(noise(500, 375), np.array(boxes, np.float32), Warp())


@pytest.mark.parametrize("image", odd_images().values(), ids=odd_images().keys())
def test_any_image_has_crops(image: np.ndarray) -> None:
    height, width = image.shape[:2]
    before = image.copy()
    assert_all_agree(image, np.array([[0, 0, width, height], [-1, -1, width / 2, height / 2]], np.float32), Warp(32, 2))
    assert np.array_equal(image, before)


def test_no_boxes_give_no_crops() -> None:
    assert_all_agree(noise(9, 7), np.zeros((0, 4), np.float32), Warp(24, 2))


def test_the_crop_of_a_mirrored_region_is_the_mirrored_crop() -> None:
    """Up to the one pixel that the original reads on the right of every window: hence a smooth image, large regions."""
    x, y = np.meshgrid(np.arange(200), np.arange(150))
    image = np.stack([x, 199 - x, y], axis=2).astype(np.uint8)  # a pixel more or less is 1 of 255
    boxes = np.array([[40, 30, 120, 110], [60.5, 20.25, 150, 100]], np.float32)
    crops = crop_regions(image, boxes, Warp(64, 8), CPU)
    mirrored = crop_regions(np.ascontiguousarray(image[:, ::-1]), flip_horizontal(boxes, 200), Warp(64, 8), CPU)
    assert (mirrored.flip(3) - crops).abs().max() < 2
    assert (mirrored - crops).abs().max() > 50


@pytest.mark.parametrize(("size", "context"), [(0, 0), (224, 112), (224, -1)])
def test_a_crop_that_is_all_context_is_refused(size: int, context: int) -> None:
    with pytest.raises(ValueError, match=f"{size} pixels cannot have {context}"):
        Warp(size, context)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_crops() -> None:
    image, boxes = noise(500, 375), np.array([[-40, 50, 100, 150], [100.5, 80, 300, 200]], np.float32)
    crops = crop_regions(image[:, ::-1], boxes, Warp(), torch.device("cuda"))
    assert np.abs(crops.cpu().numpy() - warp_reference(image[:, ::-1], boxes, Warp())).max() < CLOSE
