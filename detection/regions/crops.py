"""Crops of regions, on whichever device: by OpenCV on the processor, by one gather on any other; both as the reference.

On a GPU the work is in two parts. The processor lays the photos' pixels and the places to read in one piece of memory
each, which threads may do in advance; then all regions of all photos cross and are gathered at once, and nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detection.boxes import Boxes
from detection.regions.warp import Warp, windows_of
from detection.runtime import constants
from detection.structures import RGBImage

Cut = tuple[RGBImage, Boxes]  # a photo, and the regions (R, 4) to cut out of it


def crop_regions(image: RGBImage, boxes: Boxes, warp: Warp, device: torch.device) -> Tensor:
    """The crops of one photo on ``device``: (R, 3, size, size) float32, RGB 0..255, channels last in memory."""
    return begin_crops([(image, boxes)], warp, device)()


def begin_crops(cuts: Sequence[Cut], warp: Warp, device: torch.device) -> Callable[[], Tensor]:
    """What the processor can do for the crops of several photos; to call what is given back does the device's part.

    That gives the crops of all, one behind the other, as :func:`crop_regions` does.
    """
    if device.type == "cpu":
        crops = _crops_with_opencv(cuts, warp)
        return lambda: crops
    return partial(gather, pack(cuts, warp, device), device)


def _crops_with_opencv(cuts: Sequence[Cut], warp: Warp) -> Tensor:
    crops = np.empty((sum(len(boxes) for _, boxes in cuts), warp.size, warp.size, 3), np.float32)
    crops[:] = np.array(warp.border, np.float32)
    unfilled = iter(crops)
    for image, boxes in cuts:
        height, width = image.shape[:2]
        windows = windows_of(boxes, width, height, warp)
        pixels = image.astype(np.float32)
        for (x1, y1), (x2, y2), (x, y), (w, h) in zip(
            windows.start, windows.stop, windows.offset, windows.extent, strict=True
        ):
            crop = next(unfilled)
            if w:
                crop[y : y + h, x : x + w] = cv2.resize(pixels[y1:y2, x1:x2], (int(w), int(h)))
    return torch.from_numpy(crops).permute(0, 3, 1, 2)  # a view: channels last


def lay_out(array: NDArray[Any], device: torch.device) -> Tensor:
    """The same memory, or for a GPU a copy that crosses to it while the processor goes on."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory() if device.type == "cuda" else tensor


@dataclass(frozen=True)
class Packed:
    """Photos and what to read of them: ``pixels`` (P, 3) uint8, photo after photo and row after row.

    ``windows`` (R, 10) int64 are the columns of :class:`detection.regions.warp.Windows`, then the pixel at which the
    region's photo begins, and that photo's width.
    """

    pixels: Tensor
    windows: Tensor
    warp: Warp


def pack(cuts: Sequence[Cut], warp: Warp, device: torch.device) -> Packed:
    """Lay photos out for :func:`gather` on a device."""
    sizes = [image.shape[0] * image.shape[1] for image, _ in cuts]
    starts = np.cumsum([0, *sizes])
    pixels = torch.empty((int(starts[-1]), 3), dtype=torch.uint8, pin_memory=device.type == "cuda")
    rows = []
    for (image, boxes), start, size in zip(cuts, starts, sizes, strict=False):
        height, width = image.shape[:2]
        pixels.numpy()[start : start + size].reshape(image.shape)[:] = image  # mirrored or not
        windows = windows_of(boxes, width, height, warp)
        place = np.tile([start, width], (len(boxes), 1))
        rows.append(np.concatenate([windows.start, windows.stop, windows.offset, windows.extent, place], axis=1))
    return Packed(pixels, lay_out(np.concatenate(rows), device), warp)


def gather(packed: Packed, device: torch.device) -> Tensor:
    """The crops as of :func:`crop_regions`, of all regions at once: four gathers of pixels, and their weighted mean."""
    pixels = packed.pixels.to(device, non_blocking=True)
    windows = packed.windows.to(device, non_blocking=True)
    left, right, across, inside_x = _taps(windows, 0, packed.warp.size)
    above, below, down, inside_y = _taps(windows, 1, packed.warp.size)
    first, width = windows[:, 8, None, None], windows[:, 9, None, None]

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        return pixels[first + rows[:, :, None] * width + columns[:, None, :]].float()  # (R, size, size, 3)

    across, down = across[:, None, :, None], down[:, :, None, None]
    top = torch.lerp(at(above, left), at(above, right), across)
    bottom = torch.lerp(at(below, left), at(below, right), across)
    inside = (inside_y[:, :, None] & inside_x[:, None, :])[..., None]
    border = constants(packed.warp.border, top)
    return torch.where(inside, torch.lerp(top, bottom, down), border).permute(0, 3, 1, 2)


def _taps(windows: Tensor, axis: int, size: int) -> tuple[Tensor, ...]:
    """For every region and every pixel along an axis of its crop, (R, size).

    The two pixels of the photo to read, the weight of the second, and whether the crop's pixel is filled.
    """
    start, stop, offset, extent = (windows[:, column + axis, None] for column in (0, 2, 4, 6))
    place = torch.arange(size, device=windows.device) - offset
    length = stop - start
    position = (place.double() + 0.5) * (length.double() / extent.clamp(min=1)) - 0.5
    position = torch.minimum(position.clamp(min=0), (length - 1).double())
    low = position.floor().long()
    high = torch.minimum(low + 1, length - 1)
    inside = (place >= 0) & (place < extent)
    return start + low, start + high, (position - low).float(), inside
