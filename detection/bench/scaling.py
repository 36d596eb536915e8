"""Does a pixel cost the same in a large image? Seconds of proposals for 0.1 to 12 megapixels of the same content."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import cv2
import numpy as np

from detection.bench.timing import Report, silent
from detection.proposals.base import Proposer
from detection.structures import RGBImage

LARGEST = (3000, 4000)  # height, width
TILE = (333, 500)  # of which the image is made: photos as wide as R-CNN searches them
MEGAPIXELS = (0.1, 0.33, 1.0, 3.0, 12.0)


@dataclass(frozen=True)
class Cost:
    """CPU seconds of an image: the least of some repeats, since whatever else the machine does only adds to them."""

    pixels: int
    seconds: float

    @property
    def per_megapixel(self) -> float:
        return self.seconds / self.pixels * 1e6


def mosaic(photos: Sequence[RGBImage]) -> RGBImage:
    """Photos side by side and below one another, again and again, ``LARGEST`` in all."""
    height, width = LARGEST
    tiles = cycle([cv2.resize(photo, TILE[::-1], interpolation=cv2.INTER_AREA) for photo in photos])
    rows = [np.hstack([next(tiles) for _ in range(-(-width // TILE[1]))]) for _ in range(-(-height // TILE[0]))]
    return np.ascontiguousarray(np.vstack(rows)[:height, :width])


def measure_costs(
    image: RGBImage,
    proposer: Proposer,
    megapixels: Sequence[float] = MEGAPIXELS,
    *,
    repeat: int = 3,
    report: Report = silent,
) -> Iterator[Cost]:
    """The cost of corners of ``image`` of its shape, the smallest first; the small ones are repeated more often."""
    proposer(image[: TILE[0], : TILE[1]])  # compiles
    height, width = image.shape[:2]
    for number, size in enumerate(megapixels):
        share = min(1.0, size * 1e6 / (height * width)) ** 0.5
        corner = np.ascontiguousarray(image[: round(height * share), : round(width * share)])
        seconds = []
        for _ in range(repeat + round(repeat / size)):
            start = time.process_time()
            proposer(corner)
            seconds.append(time.process_time() - start)
        report("sizes", number + 1, len(megapixels))
        yield Cost(corner.shape[0] * corner.shape[1], min(seconds))


def exponent(costs: Sequence[Cost]) -> float:
    """How seconds grow with pixels, as ``pixels ** exponent``: 1 is linear; least squares of the logarithms."""
    pixels, seconds = (np.log([getattr(cost, name) for cost in costs]) for name in ("pixels", "seconds"))
    return float(np.polyfit(pixels, seconds, 1)[0])
