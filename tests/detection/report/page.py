"""A small gallery for the tests: generated photos, detections of known scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detection.report.gallery import Gallery, write_gallery
from detection.results import ImageDetections
from detection.structures import RGBImage

CLASSES = ("dog", 'cat "tabby" <b>', "größe 犬")
Item = tuple[ImageDetections, RGBImage | str]


def photo(width: int, height: int) -> RGBImage:
    """A colour gradient."""
    image = np.full((height, width, 3), 120, np.uint8)
    image[:, :, 0] = np.linspace(0, 255, width)
    image[:, :, 1] = np.linspace(0, 255, height)[:, None]
    return image


def item(name: str, found: Sequence[tuple[str, float]] = (), size: tuple[int, int] = (200, 150)) -> Item:
    """A photo in which each of ``found`` (class, score) has a box, one smaller than the other."""
    width, height = size
    boxes = [[width * (0.1 + 0.02 * k), height * 0.2, width * 0.8, height * 0.9] for k in range(len(found))]
    labels, scores = tuple(label for label, _ in found), np.array([score for _, score in found])
    record = ImageDetections(name, f"/photos/{name}", width, height, np.array(boxes), labels, scores, 0.5)
    return record, photo(*size)


def write_page(folder: Path, items: Sequence[Item], *, title: str = "photos", **more: object) -> Path:
    """The gallery of ``items`` in ``folder``; gives its first page."""
    gallery = Gallery(title, len(items), CLASSES, **more)  # type: ignore[arg-type]
    return write_gallery(folder, gallery, items)[0]
