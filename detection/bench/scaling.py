"""Does a pixel cost the same in a large image? Seconds of proposals for 0.1 to 12 megapixels of the same content."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, product

import cv2
import numpy as np

from detection.bench.timing import Report, silent
from detection.proposals.base import Proposer
from detection.structures import RGBImage

LARGEST = (3000, 4000)  # height, width
TILE = (333, 500)  # of which the image is made: photos as wide as R-CNN searches them
MEGAPIXELS = (0.1, 0.33, 1.0, 3.0, 12.0)
MOST_PARTS = 3  # along each side


@dataclass(frozen=True)
class Cost:
    """CPU seconds of each image of a size, and the pixels of all."""

    megapixels: float
    pixels: int
    seconds: tuple[float, ...]

    @property
    def per_megapixel(self) -> float:
        return sum(self.seconds) / self.pixels * 1e6


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
    """The cost of parts of ``image``, of its shape, the smallest first.

    Of small ones there are up to nine, spread over the image: one part is not as hard as another. Each is timed
    ``repeat`` times, of which the least counts: whatever else the machine does only adds to it.
    """
    proposer(image[: TILE[0], : TILE[1]])  # compiles
    for number, size in enumerate(megapixels):
        parts = list(_parts(image, size * 1e6))
        seconds = tuple(min(_seconds(proposer, part) for _ in range(repeat)) for part in parts)
        report("sizes", number + 1, len(megapixels))
        yield Cost(size, sum(part.shape[0] * part.shape[1] for part in parts), seconds)


def _parts(image: RGBImage, pixels: float) -> Iterator[RGBImage]:
    height, width = image.shape[:2]
    share = min(1.0, pixels / (height * width)) ** 0.5
    h, w = round(height * share), round(width * share)
    places = np.linspace(0, 1, min(MOST_PARTS, int(1 / share)))
    for y, x in product(places, places):
        top, left = round(y * (height - h)), round(x * (width - w))
        yield np.ascontiguousarray(image[top : top + h, left : left + w])


def _seconds(proposer: Proposer, image: RGBImage) -> float:
    start = time.process_time()
    proposer(image)
    return time.process_time() - start


def exponent(costs: Sequence[Cost]) -> float:
    """How seconds grow with pixels, as ``pixels ** exponent``, by least squares of the logarithms: 1 is linear."""
    sizes = np.log([cost.megapixels for cost in costs])
    return 1 + float(np.polyfit(sizes, np.log([cost.per_megapixel for cost in costs]), 1)[0])
