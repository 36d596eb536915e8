"""R-CNN's region warp: context, anisotropic scaling, mean border (R-CNN, appendix A; ``rcnn_im_crop.m``).

A box is enlarged about its centre so that ``context`` pixels of the warped frame lie around it, rounded to whole
pixels, cut to the image, and the part that is left is resized - bilinearly and *without* antialiasing, as the original
did - to where it belongs in the ``size`` x ``size`` crop. What lies outside the image is filled with the network's
mean, which becomes zero when the mean is taken off.

Three implementations give the same crops: :func:`warp_reference` (slow and obvious), OpenCV on a CPU, and one gather
for all regions on any other device. :func:`crop_regions` chooses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
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


def crop_regions(image: RGBImage, boxes: Boxes, warp: Warp, device: torch.device) -> torch.Tensor:
    """The crops of one image on ``device``: (R, 3, size, size) float32, RGB 0..255, channels last in memory."""
    if device.type == "cpu":
        return _crop_with_opencv(image, boxes, warp)
    pixels = np.ascontiguousarray(image)  # a tensor has no mirrored views
    return crop_by_gather(torch.from_numpy(pixels).to(device), boxes, warp)


def _crop_with_opencv(image: RGBImage, boxes: Boxes, warp: Warp) -> torch.Tensor:
    height, width = image.shape[:2]
    windows = windows_of(boxes, width, height, warp)
    crops = np.empty((len(boxes), warp.size, warp.size, 3), np.float32)
    crops[:] = np.array(warp.border, np.float32)
    pixels = image.astype(np.float32)
    for crop, (x1, y1), (x2, y2), (x, y), (w, h) in zip(
        crops, windows.start, windows.stop, windows.offset, windows.extent, strict=True
    ):
        if w:
            crop[y : y + h, x : x + w] = cv2.resize(pixels[y1:y2, x1:x2], (int(w), int(h)))
    return torch.from_numpy(crops).permute(0, 3, 1, 2)  # a view: channels last


def crop_by_gather(image: torch.Tensor, boxes: Boxes, warp: Warp) -> torch.Tensor:
    """The same crops from an image (H, W, 3) that lies on a device, all regions in one pass of four gathers."""
    height, width = image.shape[:2]
    windows = windows_of(boxes, width, height, warp)
    left, right, across, inside_x = _taps_of_all(windows, 0, warp.size, image.device)
    above, below, down, inside_y = _taps_of_all(windows, 1, warp.size, image.device)
    pixels = image.reshape(height * width, 3)

    def at(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return pixels[rows[:, :, None] * width + columns[:, None, :]].float()  # (R, size, size, 3)

    across, down = across[:, None, :, None], down[:, :, None, None]
    top = torch.lerp(at(above, left), at(above, right), across)
    bottom = torch.lerp(at(below, left), at(below, right), across)
    inside = (inside_y[:, :, None] & inside_x[:, None, :])[..., None]
    border = torch.tensor(warp.border, device=image.device)
    return torch.where(inside, torch.lerp(top, bottom, down), border).permute(0, 3, 1, 2)


def _taps_of_all(windows: Windows, axis: int, size: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    """As :func:`_taps` for every region and every pixel of the crop, with a mask of the pixels that are filled."""
    columns = (windows.start, windows.stop, windows.offset, windows.extent)
    start, stop, offset, extent = (torch.from_numpy(c[:, axis].copy()).to(device)[:, None] for c in columns)
    place = torch.arange(size, device=device)[None, :] - offset
    length = stop - start
    position = (place.double() + 0.5) * (length.double() / extent.clamp(min=1)) - 0.5
    position = torch.minimum(position.clamp(min=0), (length - 1).double())
    low = position.floor().long()
    high = torch.minimum(low + 1, length - 1)
    inside = (place >= 0) & (place < extent)
    return start + low, start + high, (position - low).float(), inside
