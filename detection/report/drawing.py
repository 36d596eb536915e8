"""Detections drawn on an image: boxes and labels that can be read at any size of image and with any colour vision."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from detection.images import as_image
from detection.report.colours import BLACK, Colour, class_colours, text_colour
from detection.report.lettering import text_width, writable, write_text
from detection.results import ImageDetections
from detection.structures import Detections, RGBImage


class _Rectangle(NamedTuple):
    """A box as it is drawn, or what a label is written on: in whole pixels, half-open."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: _Rectangle) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def draw(
    image: RGBImage | Image | str | Path | bytes,
    found: Detections,
    class_names: Sequence[str],
    *,
    threshold: Mapping[str, float] | float = 0.0,
) -> RGBImage:
    """The image (H, W, 3) with what ``predict`` found in it: :func:`draw_detections` without a record.

    A class has the same colour in every image.
    """
    image = as_image(image)
    size = image.shape[1], image.shape[0]
    record = ImageDetections.of(found, class_names, id="image", path="", size=size, seconds=0.0)
    return draw_detections(image, record, threshold=threshold, colours=class_colours(class_names))


def draw_detections(
    image: RGBImage,
    found: ImageDetections,
    *,
    threshold: Mapping[str, float] | float = 0.5,
    colours: Mapping[str, Colour],
) -> RGBImage:
    """A copy of ``image`` with every detection that scores at least ``threshold``, the best on top.

    ``threshold`` is one for all, or each class's own. Lines and letters grow with the image. ``colours`` gives every
    class its colour, as :func:`class_colours` does. Raises ``ValueError`` where ``found``
    is of an image of another size.
    """
    height, width = image.shape[:2]
    if (found.width, found.height) != (width, height):
        raise ValueError(f"image {found.id!r} is {width} x {height}, its detections {found.width} x {found.height}")
    best_first = found.best_first(threshold)
    canvas = np.ascontiguousarray(image).copy()
    boxes = np.clip(found.boxes, 0, [width, height, width, height])
    labels = {row: writable(f"{found.labels[row]} {found.scores[row]:.2f}") for row in best_first}
    plates: dict[int, _Rectangle] = {}
    for row in best_first:
        plate = _place_label(labels[row], boxes[row], (width, height), plates.values())
        plates |= {row: plate} if plate else {}
    for row in reversed(best_first):
        _draw_outline(canvas, boxes[row], colours[found.labels[row]])
    for row in reversed(plates):
        _draw_label(canvas, labels[row], plates[row], colours[found.labels[row]])
    return canvas


def line_width(width: int, height: int) -> int:
    """Pixels of a box's line in an image of this size: 2 at 500 x 375, 10 at 4000 x 3000."""
    return max(1, round(2 * _growth(width, height)))


def letter_size(width: int, height: int) -> int:
    """Height in pixels of a label's letters in an image of this size: 14 at 500 x 375, 67 at 4000 x 3000."""
    return max(9, round(14 * _growth(width, height)))


def _growth(width: int, height: int) -> float:
    """How much larger to draw than on a photo of 500 x 375.

    The power lies between an equal share of the photo and equal pixels: a large photo is seen whole and at full size.
    """
    return float((width * height / (500 * 375)) ** (0.75 / 2))


def _draw_outline(canvas: RGBImage, box: NDArray[np.float64], colour: Colour) -> None:
    """Outline ``box`` from inside, so that a box along the image's border shows, within a dark edge of one pixel.

    Whole pixels: OpenCV's lines are up to a pixel wider than asked for, and not where they should be.
    """
    height, width = canvas.shape[:2]
    line = line_width(width, height)
    x1, y1, x2, y2 = (round(value) for value in box.tolist())
    left, top = min(x1, width - 1), min(y1, height - 1)
    right, bottom = max(x2, left + 1), max(y2, top + 1)
    if line > 1:
        _fill_frame(canvas, _Rectangle(left - 1, top - 1, right + 1, bottom + 1), line + 2, BLACK)
    _fill_frame(canvas, _Rectangle(left, top, right, bottom), line, colour)


def _fill_frame(canvas: RGBImage, frame: _Rectangle, line: int, colour: Colour) -> None:
    left, top, right, bottom = frame
    upper, lower = (top, min(top + line, bottom)), (max(bottom - line, top), bottom)
    outer, inner = (left, min(left + line, right)), (max(right - line, left), right)
    whole = ((top, bottom), (left, right))
    for rows, columns in ((upper, whole[1]), (lower, whole[1]), (whole[0], outer), (whole[0], inner)):
        canvas[max(rows[0], 0) : max(rows[1], 0), max(columns[0], 0) : max(columns[1], 0)] = colour


def _draw_label(canvas: RGBImage, label: str, plate: _Rectangle, colour: Colour) -> None:
    size = letter_size(canvas.shape[1], canvas.shape[0])
    canvas[plate.top : plate.bottom, plate.left : plate.right] = BLACK  # an edge, so that labels that meet are two
    canvas[plate.top + 1 : plate.bottom - 1, plate.left + 1 : plate.right - 1] = colour
    baseline = (plate.left + round(0.3 * size), plate.top + round(1.04 * size))
    write_text(canvas, label, baseline, size, text_colour(colour))


def _place_label(
    label: str, box: NDArray[np.float64], image_size: tuple[int, int], taken: Collection[_Rectangle]
) -> _Rectangle | None:
    """A place at ``box`` that meets none of ``taken`` if there is one; ``None`` where the image is too small for it."""
    width, height = image_size
    size = letter_size(width, height)
    wide, high = text_width(label, size) + round(0.6 * size), round(1.4 * size)
    if wide > width or high > height:
        return None
    places = list(_places(box, wide, high, image_size))
    return next((place for place in places if not any(place.meets(other) for other in taken)), places[0])


def _places(box: NDArray[np.float64], wide: int, high: int, image_size: tuple[int, int]) -> Iterator[_Rectangle]:
    """Where a label of ``wide`` x ``high`` pixels may stand at ``box``, the best first; all lie within the image."""
    width, height = image_size
    x1, y1, x2, y2 = (round(value) for value in box.tolist())
    for side in (x1, x2 - wide):
        left = min(max(side, 0), width - wide)
        for top in (y1 - high, y1, y2, y2 - high):
            if 0 <= top <= height - high:
                yield _Rectangle(left, top, left + wide, top + high)
    left, top = min(max(x1, 0), width - wide), min(max(y1, 0), height - high)
    yield _Rectangle(left, top, left + wide, top + high)
