"""Crops of regions: three implementations that agree, and photos that are cut together."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.boxes import flip_horizontal
from detection.regions.crops import begin_crops, crop_regions, gather, pack
from detection.regions.warp import Warp, warp_reference
from tests.contracts import odd_images

CPU = torch.device("cpu")
# OpenCV keeps positions in single precision: some 1e-4 of a pixel, times a step of 255
CLOSE = 0.05


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def assert_all_agree(image: np.ndarray, boxes: np.ndarray, warp: Warp) -> None:
    expected = warp_reference(image, boxes, warp)
    gathered = gather(pack([(image, boxes)], warp, CPU), CPU)
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


def test_photos_that_are_cut_together_have_the_crops_that_each_has_alone() -> None:
    """Photos of three sizes, one of them mirrored, one without regions; the same from one gather and from OpenCV."""
    boxes = np.array([[-3, 2, 9, 11], [1, 1, 6, 30]], np.float32)
    cuts = [(noise(20, 31), boxes), (noise(9, 7), boxes[:0]), (noise(40, 12)[:, ::-1], boxes[:1])]
    warp = Warp(24, 2, (9.0, 8.0, 7.0))
    alone = np.concatenate([warp_reference(image, regions, warp) for image, regions in cuts])
    for crops in (begin_crops(cuts, warp, CPU)(), gather(pack(cuts, warp, CPU), CPU)):
        assert crops.permute(0, 2, 3, 1).is_contiguous()
        assert np.abs(crops.numpy() - alone).max() < CLOSE


@pytest.mark.gpu
def test_a_gpu_gives_the_same_crops() -> None:
    image, boxes = noise(500, 375), np.array([[-40, 50, 100, 150], [100.5, 80, 300, 200]], np.float32)
    crops = crop_regions(image[:, ::-1], boxes, Warp(), torch.device("cuda"))
    assert np.abs(crops.cpu().numpy() - warp_reference(image[:, ::-1], boxes, Warp())).max() < CLOSE
