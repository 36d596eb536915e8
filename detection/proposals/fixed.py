"""Boxes that do not look at the image: the yardstick that a proposer has to beat."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from detection.boxes import as_boxes
from detection.proposals.base import JSON
from detection.structures import Proposals, RGBImage


@dataclasses.dataclass(frozen=True)
class SlidingGrid:
    """Windows of a few sizes and shapes at regular places, the largest first; the whole image is the first of all.

    ``sizes``: root of a window's share of the image's area; ``aspects``: its width to height, relative to the image's;
    ``overlap``: how much of its side two neighbouring windows share.
    """

    sizes: tuple[float, ...] = (0.8, 0.6, 0.45, 0.3, 0.2, 0.15)
    aspects: tuple[float, ...] = (0.5, 1.0, 2.0)
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if not all(0 < size <= 1 for size in self.sizes) or not all(aspect > 0 for aspect in self.aspects):
            raise ValueError(f"sizes must lie in (0, 1] and aspects above 0, got {self.sizes} and {self.aspects}")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap must lie in [0, 1), got {self.overlap}")

    @property
    def settings(self) -> dict[str, JSON]:
        return {
            "method": "sliding-grid",
            "version": 1,
            "sizes": list(self.sizes),
            "aspects": list(self.aspects),
            "overlap": self.overlap,
        }

    def __call__(self, image: RGBImage) -> Proposals:
        """Windows in the frame of ``image``, without duplicates; all scores are 0."""
        height, width = image.shape[:2]
        boxes: list[tuple[float, float, float, float]] = [(0, 0, width, height)]
        for size, aspect in itertools.product(self.sizes, self.aspects):
            across, down = min(1.0, size * aspect**0.5), min(1.0, size / aspect**0.5)
            for y, x in itertools.product(self._places(down), self._places(across)):
                boxes.append((x * width, y * height, (x + across) * width, (y + down) * height))
        windows = np.minimum(as_boxes(boxes), np.array([width, height] * 2, np.float32))
        first = np.sort(np.unique(windows, axis=0, return_index=True)[1])
        return Proposals(windows[first])

    def _places(self, side: float) -> list[float]:
        """Where windows of a side, as a share of the image, begin."""
        steps = int(np.ceil((1 - side) / (side * (1 - self.overlap)) - 1e-9))
        return [float(place) for place in np.linspace(0, 1 - side, steps + 1)]
