"""R-CNN's region warp: context, anisotropic scaling, mean border (R-CNN, appendix A; ``rcnn_im_crop.m``).

A box is enlarged about its centre so that ``context`` pixels of the warped frame lie around it, rounded to whole
pixels, cut to the image, and the part that is left is resized - bilinearly and *without* antialiasing, as the original
did - to where it belongs in the ``size`` x ``size`` crop. What lies outside the image is filled with the network's
mean, which becomes zero when the mean is taken off.

Here are the geometry and :func:`warp_reference`, which is slow and obvious; what :mod:`detection.regions.crops` gives
is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes
from detection.structures import RGBImage

Mean = tuple[float, float, float]


@dataclass(frozen=True)
class Warp:
    """How a region becomes a crop: ``size`` pixels a side, of which ``context`` at each edge are surroundings."""

    size: int = 224
    context: int = 16
    border: Mean = (123.0, 117.0, 104.0)  # RGB

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= 2 * self.context < self.size:
            raise ValueError(f"a crop of {self.size} pixels cannot have {self.context} pixels of context on each side")

    def of_size(self, size: int) -> Warp:
        """The same view of a region in fewer or more pixels."""
        return replace(self, size=size, context=round(self.context * size / self.size))


@dataclass(frozen=True)
class Windows:
    """Where each region is read and where it is put; every field is ``(R, 2)`` int64, x first.

    ``start`` and ``stop`` bound the pixels read (half-open, inside the image); ``offset`` and ``extent`` bound the
    part of the crop that they fill. A region wholly outside the image has an extent of 0.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    offset: NDArray[np.int64]
    extent: NDArray[np.int64]


def windows_of(boxes: Boxes, width: int, height: int, warp: Warp) -> Windows:
    """The geometry of ``rcnn_im_crop.m`` for all boxes (R, 4) of an image at once, oddities included.

    The original adds half a width to a pixel's *index* to find the centre, so its enlarged window is one pixel wider
    than the enlarged box; trained networks have seen it that way.
    """
    corners = boxes.astype(np.float64)
    half = (corners[:, 2:] - corners[:, :2]) / 2
    centre = corners[:, :2] + 1 + half  # 1-based, as in the original
    grown = half * (warp.size / (warp.size - 2 * warp.context))
    first = _round_half_away(centre - grown)
    last = _round_half_away(centre + grown)
    if not warp.context:
        last = np.maximum(last - 1, first)  # without context the original reads the box itself
    unclipped = last - first + 1
    limit = np.array([width, height], np.float64)
    start = np.maximum(first, 1)
    stop = np.minimum(last, limit)
    scale = warp.size / np.maximum(unclipped, 1)
    offset = _round_half_away(np.maximum(0, 1 - first) * scale)
    extent = np.minimum(_round_half_away((stop - start + 1) * scale), warp.size - offset)
    outside = ((stop < start) | (extent < 1)).any(axis=1)
    start[outside], stop[outside], offset[outside], extent[outside] = 1, 1, 0, 0
    return Windows(*(part.astype(np.int64) for part in (start - 1, stop, offset, extent)))


def _round_half_away(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """MATLAB's ``round``: halves go away from zero."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def warp_reference(image: RGBImage, boxes: Boxes, warp: Warp) -> NDArray[np.float32]:
    """The crops (R, 3, size, size) in RGB 0..255, one pixel row and column at a time: the definition, for tests."""
    height, width = image.shape[:2]
    windows = windows_of(boxes, width, height, warp)
    crops = np.empty((len(boxes), 3, warp.size, warp.size), np.float32)
    crops[:] = np.array(warp.border, np.float32)[None, :, None, None]
    for crop, start, stop, offset, extent in zip(
        crops, windows.start, windows.stop, windows.offset, windows.extent, strict=True
    ):
        if not extent.any():
            continue
        left, right, across = _taps(int(start[0]), int(stop[0]), int(extent[0]))
        above, below, down = _taps(int(start[1]), int(stop[1]), int(extent[1]))
        top = image[above][:, left] * (1 - across)[:, None] + image[above][:, right] * across[:, None]
        bottom = image[below][:, left] * (1 - across)[:, None] + image[below][:, right] * across[:, None]
        part = top * (1 - down)[:, None, None] + bottom * down[:, None, None]
        (x, y), (w, h) = offset, extent
        crop[:, y : y + h, x : x + w] = part.transpose(2, 0, 1)
    return crops


def _taps(start: int, stop: int, extent: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The two source pixels and the weight of the second, for each of ``extent`` output pixels of one axis."""
    position = (np.arange(extent) + 0.5) * ((stop - start) / extent) - 0.5
    position = np.clip(position, 0, stop - start - 1)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, stop - start - 1)
    return start + low, start + high, position - low
