"""The 1, 10 and 144 crops of a test photo, each where section 7 has it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from backbone.classification.crops import CUT, cut_crops


def ramp(width: int, height: int) -> NDArray[np.uint8]:
    """Red grows from left to right, green from top to bottom: a crop tells where it was cut."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([x, y, np.full_like(x, 7)], axis=2).astype(np.uint8)


@settings(max_examples=30)
@given(st.sampled_from(sorted(CUT)), st.integers(1, 90), st.integers(1, 90))
def test_there_are_as_many_as_asked_for(count: int, width: int, height: int) -> None:
    crops = cut_crops(ramp(width, height), count, size=28)
    assert crops.shape == (count, 3, 28, 28)
    assert crops.dtype == torch.uint8


def test_one_crop_is_the_centre_of_the_squashed_photo() -> None:
    """The crop behind Caffe's 68.7 and 88.9."""
    photo = ramp(500, 375)
    squashed = np.asarray(Image.fromarray(photo).resize((256, 256), Image.Resampling.BILINEAR))
    assert np.array_equal(cut_crops(photo, 1)[0].permute(1, 2, 0).numpy(), squashed[16:240, 16:240])


def test_ten_crops_are_corners_centre_and_mirror_images() -> None:
    photo = ramp(500, 375)
    crops = cut_crops(photo, 10)
    squashed = torch.from_numpy(np.array(Image.fromarray(photo).resize((256, 256), Image.Resampling.BILINEAR)))
    squashed = squashed.permute(2, 0, 1)
    for number, (y, x) in enumerate([(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]):
        assert torch.equal(crops[number], squashed[:, y : y + 224, x : x + 224])
    assert torch.equal(crops[5:], crops[:5].flip(3))
    assert torch.equal(crops[4], cut_crops(photo, 1)[0])


@pytest.mark.parametrize("portrait", [False, True])
def test_144_crops_are_4_scales_3_squares_6_crops_and_2_mirrors(portrait: bool) -> None:
    photo = ramp(480, 320)
    if portrait:
        photo = np.ascontiguousarray(photo.transpose(1, 0, 2))
    crops = cut_crops(photo, 144)
    assert torch.equal(crops[72:], crops[:72].flip(3))
    scales = crops[:72].unflatten(0, (4, 3, 6))
    for scale, side in zip(scales, (256, 288, 320, 352), strict=True):
        long = round(side * 1.5)
        size = (side, long) if portrait else (long, side)
        resized = torch.from_numpy(np.array(Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR)))
        resized = resized.permute(2, 0, 1)
        for six, start in zip(scale, (0, (long - side) // 2, long - side), strict=True):
            square = resized[:, start : start + side] if portrait else resized[:, :, start : start + side]
            last = side - 224
            corners = [(0, 0), (0, last), (last, 0), (last, last), (last // 2, last // 2)]
            for crop, (y, x) in zip(six[:5], corners, strict=True):
                assert torch.equal(crop, square[:, y : y + 224, x : x + 224])
            whole = Image.fromarray(square.permute(1, 2, 0).contiguous().numpy())
            whole = whole.resize((224, 224), Image.Resampling.BILINEAR)
            assert np.array_equal(six[5].permute(1, 2, 0).numpy(), np.asarray(whole))


def test_another_number_is_refused() -> None:
    with pytest.raises(ValueError, match="9 crops are not known; choose 1, 10, 144"):
        cut_crops(ramp(10, 10), 9)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((3, 9, 9), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((0, 9, 3), np.uint8),
    ],
    ids=["grey", "RGBA", "channels first", "floats", "empty"],
)
@pytest.mark.parametrize("count", sorted(CUT))
def test_what_is_no_rgb_photo_is_refused(image: NDArray[np.uint8], count: int) -> None:
    with pytest.raises(ValueError, match=r"expected an RGB image, \(H, W, 3\) of uint8, got \("):
        cut_crops(image, count)
