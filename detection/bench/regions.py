"""Crops a second: our warp of all regions of a photo beside the ways it is done elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import roi_align

from detection.bench.device import synchronised
from detection.bench.timing import Contestant, Race, Report, race, silent
from detection.boxes import Boxes
from detection.regions.crops import crop_regions, gather, pack
from detection.regions.warp import Warp, warp_reference, windows_of
from detection.structures import RGBImage

CPU = torch.device("cpu")
WARP = Warp()
DEFINITION = "R-CNN's loop (the definition)"


class Photo(NamedTuple):
    """An image and its regions (R, 4)."""

    image: RGBImage
    boxes: Boxes


def bench_regions(
    photos: Sequence[Photo],
    *,
    device: torch.device = CPU,
    warp: Warp = WARP,
    repeat: int = 3,
    report: Report = silent,
) -> list[Race]:
    """Regions of photos to crops, in each way; how far each lies from the definition is told in grey levels.

    OpenCV and ``roi_align`` read the enlarged box where it lies in the image and stretch it over the whole crop: they
    spare themselves the border.
    """
    ways: dict[str, Callable[[Photo], Tensor]] = {
        "ours": partial(_ours, warp=warp, device=device),
        "ours, by gather": partial(_gathered, warp=warp, device=device),
        DEFINITION: partial(_defined, warp=warp),
        "OpenCV, region by region": partial(_resized, warp=warp),
        "torchvision roi_align": partial(_aligned, warp=warp, device=device),
    }
    if device.type != "cpu":
        del ways["ours, by gather"]  # which is what "ours" is there
    contestants = [Contestant(name, synchronised(way, device)) for name, way in ways.items()]
    timings = [
        replace(timing, facts={"grey levels off": f"{_distance(ways[timing.name], photos[0], warp):.3f}"})
        for timing in race(contestants, photos, repeat=repeat, report=report)
    ]
    crops = float(np.mean([len(photo.boxes) for photo in photos]))
    return [Race(f"regions to crops, {device}", "crop", timings, DEFINITION, units=crops)]


def _ours(photo: Photo, warp: Warp, device: torch.device) -> Tensor:
    return crop_regions(photo.image, photo.boxes, warp, device)


def _gathered(photo: Photo, warp: Warp, device: torch.device) -> Tensor:
    return gather(pack([photo], warp, device), device)


def _defined(photo: Photo, warp: Warp) -> Tensor:
    return torch.from_numpy(warp_reference(photo.image, photo.boxes, warp))


def _resized(photo: Photo, warp: Warp) -> Tensor:
    crops = [cv2.resize(photo.image[y1:y2, x1:x2], (warp.size, warp.size)) for x1, y1, x2, y2 in _enlarged(photo, warp)]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()  # (R, 3, size, size)


def _aligned(photo: Photo, warp: Warp, device: torch.device) -> Tensor:
    pixels = torch.from_numpy(photo.image).to(device).permute(2, 0, 1)[None].float()  # (1, 3, H, W)
    boxes = torch.from_numpy(_enlarged(photo, warp)).to(device, torch.float32)
    crops: Tensor = roi_align(pixels, [boxes], (warp.size, warp.size), sampling_ratio=1, aligned=True)
    return crops


def _enlarged(photo: Photo, warp: Warp) -> NDArray[np.int64]:
    """The part of the image, in whole pixels, that each crop shows: (R, 4) int64."""
    height, width = photo.image.shape[:2]
    windows = windows_of(photo.boxes, width, height, warp)
    return np.concatenate([windows.start, windows.stop], axis=1)


def _distance(way: Callable[[Photo], Tensor], photo: Photo, warp: Warp) -> float:
    """The mean distance from the definition, in grey levels (0 to 255)."""
    return float((way(photo).cpu() - _defined(photo, warp)).abs().mean())
