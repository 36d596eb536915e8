"""The objects that no proposal reaches: no detector of regions can find them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detection.boxes import Boxes, clip
from detection.datasets.base import Dataset
from detection.proposals.recall import REACHED
from detection.report.gallery import thumbnail
from detection.report.proposals.measure import Measured

SURROUNDINGS = 0.5  # of a crop's longer side, on each side of what it shows
PICTURE_SIDE = 320  # of the JPEG
SHOWN_WIDTH, SHOWN_HEIGHT = 400, 170


@dataclass(frozen=True, eq=False)
class Unreached:
    """An object of the photo at ``position`` of the data set, and the box that comes nearest, zeros where none does."""

    position: int
    id: str
    class_name: str
    box: Boxes  # (4,)
    nearest: Boxes  # (4,)
    best: float

    @property
    def width(self) -> float:
        return float(self.box[2] - self.box[0])

    @property
    def height(self) -> float:
        return float(self.box[3] - self.box[1])


@dataclass(frozen=True)
class Crop:
    """A picture of an object and its surroundings: a JPEG in base64; boxes are x, y, width, height in its frame."""

    object: Unreached
    picture: str
    width: int
    height: int
    boxes: tuple[tuple[str, tuple[float, ...]], ...]  # what it is, and where

    @property
    def shown_width(self) -> int:
        """Pixels on the page: crops of all sizes in rows of one height, but for very wide ones."""
        return round(min(SHOWN_WIDTH, SHOWN_HEIGHT * self.width / self.height))


def unreached(measured: Measured, dataset: Dataset) -> list[Unreached]:
    """The objects without a box that overlaps them by ``REACHED``, the least covered first."""
    covered = measured.covered
    best = covered.best[:, -1]
    missed = np.flatnonzero(best < REACHED)
    return [
        Unreached(
            position := int(measured.positions[covered.image_of[index]]),
            dataset.ids[position],
            covered.class_names[covered.labels[index]],
            covered.boxes[index],
            covered.nearest[index],
            float(best[index]),
        )
        for index in missed[np.argsort(best[missed], kind="stable")]
    ]


def crops(objects: Sequence[Unreached], dataset: Dataset) -> Iterator[Crop]:
    """A picture of each object; one photo is in memory at a time."""
    for one in objects:
        image = dataset.image(one.position)
        height, width = image.shape[:2]
        shown = [("object", one.box)] + ([("nearest", one.nearest)] if one.best > 0 else [])
        corners = np.stack([box for _, box in shown])
        margin = SURROUNDINGS * max(one.width, one.height)
        window = np.concatenate([corners[:, :2].min(axis=0) - margin, corners[:, 2:].max(axis=0) + margin])
        x1, y1, x2, y2 = np.rint(clip(window[None], width, height)[0]).astype(int).tolist()
        x1, y1 = min(x1, width - 1), min(y1, height - 1)
        x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)  # an object may be smaller than a pixel
        picture = base64.b64encode(thumbnail(image[y1:y2, x1:x2], PICTURE_SIDE)).decode()
        boxes = tuple(
            (what, tuple(round(float(value), 1) for value in (box[0] - x1, box[1] - y1, *(box[2:] - box[:2]))))
            for what, box in shown
        )
        yield Crop(one, picture, x2 - x1, y2 - y1, boxes)
