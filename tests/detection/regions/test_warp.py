"""R-CNN's warp: the geometry of the original by hand, and the definition."""

import numpy as np
import pytest

from detection.regions.warp import Warp, warp_reference, windows_of

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


@pytest.mark.parametrize(("size", "context"), [(0, 0), (224, 112), (224, -1)])
def test_a_crop_that_is_all_context_is_refused(size: int, context: int) -> None:
    with pytest.raises(ValueError, match=f"{size} pixels cannot have {context}"):
        Warp(size, context)
