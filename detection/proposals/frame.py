"""The frame that proposals are computed in: the image at a fixed width, and the way back.

Superpixels are counted in pixels, so selective search is not invariant to scale. R-CNN resizes every image to a width
of 500 first (R-CNN, section 4.2), and drops boxes under 20 pixels wide or high in that frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes, clip
from detection.structures import Proposals, RGBImage

MAX_ASPECT = 10  # height / width
MAX_SIDE = 65_535
MAX_PIXELS = 50_000_000


def to_frame(image: RGBImage, width: int | None) -> RGBImage:
    """The image resized, up or down, to ``width`` pixels; ``None`` leaves it as it is.

    A strip more than ten times as high as it is wide is resized to a height of ten widths instead: a column of 1 x 200
    pixels would otherwise become one of 500 x 100,000. Raises ``ValueError`` for what is no RGB image, or is too large.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"expected an RGB image, (H, W, 3) uint8, got shape {image.shape} of {image.dtype}")
    if image.size == 0:
        raise ValueError(f"an image without pixels, of shape {image.shape}, has no proposals")
    height, width_now = image.shape[:2]
    new_height, new_width = frame_size(height, width_now, width)
    if max(new_height, new_width) > MAX_SIDE or new_height * new_width > MAX_PIXELS:
        raise ValueError(
            f"an image of {width_now} x {height} pixels is too large for proposals at width {width}: {new_width} x "
            f"{new_height} is more than {MAX_SIDE:,} a side or {MAX_PIXELS:,} in all; take a smaller width, such as 500"
        )
    if (new_height, new_width) == (height, width_now):
        return np.ascontiguousarray(image)
    resized = cv2.resize(np.ascontiguousarray(image), (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def from_frame(boxes: Boxes, scores: NDArray[np.float32], frame: RGBImage, image: RGBImage, min_side: int) -> Proposals:
    """Boxes of ``frame`` at least ``min_side`` pixels wide and high there, in the frame of ``image``.

    Where none is left the whole image is the one proposal: an image too small for R-CNN's rule, such as a crop or an
    icon, still has something to score.
    """
    keep = (boxes[:, 2:] - boxes[:, :2] >= min_side).all(axis=1)
    if not keep.any():
        return Proposals(np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32))
    height, width = image.shape[:2]
    scale = np.array([width / frame.shape[1], height / frame.shape[0]] * 2, np.float32)
    # rounding may put a border some 1e-5 pixels outside the image
    return Proposals(clip(boxes[keep] * scale, width, height), scores[keep])


def frame_size(height: int, width: int, wanted: int | None) -> tuple[int, int]:
    """Height and width of the frame of an image; see :func:`to_frame`."""
    if wanted is None:
        return height, width
    scale = wanted / width
    if height * scale > MAX_ASPECT * wanted:
        scale = MAX_ASPECT * wanted / height
        return MAX_ASPECT * wanted, max(1, round(width * scale))
    return max(1, round(height * scale)), wanted
