"""What a network is tested on: 1, 10 or 144 crops of a photo (paper, section 7).

The paper says how its 144 crops are cut. Of 1 and 10 it gives the number only: here they are Krizhevsky's (the centre;
four corners and the centre, and their mirror images) of the photo squashed to a square of 256, as the Caffe networks
were trained and measured.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

RGBImage = NDArray[np.uint8]  # (H, W, 3)

SCALES = (8, 9, 10, 11)  # sevenths of the input size: at 224, shorter sides of 256, 288, 320 and 352


def one_crop(image: RGBImage, size: int = 224) -> list[RGBImage]:
    """The centre of the squashed photo."""
    return [_centre(_squash(image, _side(SCALES[0], size)), size)]


def ten_crops(image: RGBImage, size: int = 224) -> list[RGBImage]:
    """Corners and centre of the squashed photo, then their mirror images."""
    return _mirrored(_five(_squash(image, _side(SCALES[0], size)), size))


def multi_crops(image: RGBImage, size: int = 224) -> list[RGBImage]:
    """144 crops: 4 scales x 3 squares x (4 corners, the centre, the whole square resized) x 2 mirrors."""
    crops = []
    for scale in SCALES:
        for square in _squares(image, _side(scale, size)):
            crops += [*_five(square, size), _resize(square, size, size)]
    return _mirrored(crops)


CUT: dict[int, Callable[[RGBImage, int], list[RGBImage]]] = {1: one_crop, 10: ten_crops, 144: multi_crops}


def cut_crops(image: RGBImage, count: int, size: int = 224) -> Tensor:
    """The 1, 10 or 144 crops of an RGB photo of any size: (count, 3, size, size) uint8.

    Raises ``ValueError`` for another count, and for what is no RGB photo.
    """
    if count not in CUT:
        raise ValueError(f"{count} crops are not known; choose {', '.join(map(str, CUT))}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"expected an RGB image, (H, W, 3) of uint8, got {image.shape} of {image.dtype}")
    return torch.from_numpy(np.stack(CUT[count](image, size))).permute(0, 3, 1, 2)


def _side(sevenths: int, size: int) -> int:
    return round(size * sevenths / 7)


def _squares(image: RGBImage, side: int) -> list[RGBImage]:
    """Left, centre and right square, or top, centre and bottom, of the photo with ``side`` as its shorter side."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    resized = _resize(image, max(side, round(width * scale)), max(side, round(height * scale)))
    height, width = resized.shape[:2]
    rest = max(height, width) - side
    return [resized[:, at : at + side] if width > height else resized[at : at + side] for at in (0, rest // 2, rest)]


def _five(square: RGBImage, size: int) -> list[RGBImage]:
    """The four corners and the centre of a square."""
    last = len(square) - size
    corners = [square[y : y + size, x : x + size] for y in (0, last) for x in (0, last)]
    return [*corners, _centre(square, size)]


def _centre(square: RGBImage, size: int) -> RGBImage:
    start = (len(square) - size) // 2
    return square[start : start + size, start : start + size]


def _mirrored(crops: list[RGBImage]) -> list[RGBImage]:
    return [*crops, *(crop[:, ::-1] for crop in crops)]


def _squash(image: RGBImage, side: int) -> RGBImage:
    return _resize(image, side, side)


def _resize(image: RGBImage, width: int, height: int) -> RGBImage:
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
