"""A page to look at detections with: one HTML file that needs nothing else, not even a network.

It holds a thumbnail of every photo and its boxes as data, so that the score slider and the class filter act at once.
A run of many photos makes several pages of ``PAGE_PHOTOS``, each whole in itself, and stops at ``MOST_PAGES``: what is
not on a page is still in the detections file. See :mod:`detection.report.page`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2

from detection.converters.whole_file import whole_file
from detection.report.colours import class_colours, css, text_colour
from detection.report.page import page, utf8
from detection.report.summary import failed_words
from detection.results import ImageDetections
from detection.structures import RGBImage

PAGE_PHOTOS = 300  # a page of some 20 MB, which browsers open in a second or two
MOST_PAGES = 10
PAGE_FLOOR = 0.05  # boxes that score less are not on the page, unless it opens at a lower threshold
LISTED_FAILURES = 100
_THUMBNAIL_SIDES = {24: 1280, 100: 960, PAGE_PHOTOS: 640}  # the longest side, by how many photos a page has at most
_THUMBNAIL_QUALITY = 80

_Data = dict[str, object]


@dataclass(frozen=True)
class Gallery:
    """What the pages of one run say beside its photos.

    ``count`` photos in all; ``classes`` every class name of the detector; boxes that score ``threshold``, one for all
    or each class's own, are shown at first; ``failures`` are (file, reason), so many of them of ``folders`` that could
    not be listed; ``link`` gives the address of the drawing of an id's photo, relative to the page; ``made_by`` stands
    at the foot.
    """

    title: str
    count: int
    classes: Sequence[str]
    threshold: Mapping[str, float] | float = 0.5
    failures: Sequence[tuple[str, str]] = ()
    link: Callable[[str], str | None] | None = None
    made_by: str = ""
    folders: int = 0

    @property
    def thresholds(self) -> list[float]:
        """Of each class; 2, which nothing scores, instead of infinity."""
        if isinstance(self.threshold, Mapping):
            return [min(self.threshold[name], 2.0) for name in self.classes]
        return [self.threshold] * len(self.classes)

    @property
    def pages(self) -> int:
        return min(max(1, -(-self.count // PAGE_PHOTOS)), MOST_PAGES)


def write_gallery(
    folder: Path, gallery: Gallery, photos: Iterable[tuple[ImageDetections, RGBImage | str]]
) -> list[Path]:
    """Write ``index.html``, ``index-2.html``, ... into ``folder``, each by rename; gives their paths.

    ``photos`` are in the frame of their detections, or say why the picture is not to be had; they are taken one at a
    time, and no more than fit on the pages. Pages of an earlier run behind the last are removed.
    """
    remaining = iter(photos)
    paths = []
    for number in range(1, gallery.pages + 1):
        path = folder / page_name(number)
        with whole_file(path) as file:
            file.writelines(_page(gallery, number, islice(remaining, PAGE_PHOTOS)))
        paths.append(path)
    for number in range(gallery.pages + 1, MOST_PAGES + 1):
        (folder / page_name(number)).unlink(missing_ok=True)
    return paths


def page_name(number: int) -> str:
    """The file of the page with this number, from 1."""
    return "index.html" if number == 1 else f"index-{number}.html"


def thumbnail(image: RGBImage, longest_side: int) -> bytes:
    """``image`` as a JPEG whose longest side is at most ``longest_side`` pixels."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    done, content = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY])
    if not done:
        raise ValueError(f"no JPEG can be made of an image of shape {image.shape}")
    return content.tobytes()


def _page(gallery: Gallery, number: int, photos: Iterable[tuple[ImageDetections, RGBImage | str]]) -> Iterator[str]:
    """The text of a page, piece by piece: one thumbnail is in memory at a time."""
    one = None if isinstance(gallery.threshold, Mapping) else gallery.threshold
    floor = min([PAGE_FLOOR, *gallery.thresholds])
    on_page = min(gallery.count, PAGE_PHOTOS)
    side = next(side for most, side in _THUMBNAIL_SIDES.items() if on_page <= most)
    index = {name: number for number, name in enumerate(gallery.classes)}
    colours = class_colours(gallery.classes)
    classes = [{"name": name, "ground": css(c), "text": css(text_colour(c))} for name, c in colours.items()]
    return page(
        "gallery",
        title=utf8(gallery.title),
        number=number,
        pages=[page_name(other) for other in range(1, gallery.pages + 1)],
        total=gallery.count,
        missing=max(0, gallery.count - gallery.pages * PAGE_PHOTOS),
        failures=[(utf8(file), utf8(reason)) for file, reason in gallery.failures[:LISTED_FAILURES]],
        unlisted=max(0, len(gallery.failures) - LISTED_FAILURES),
        failed=failed_words(len(gallery.failures) - gallery.folders, gallery.folders),
        made_by=utf8(gallery.made_by),
        settings={"classes": classes, "threshold": one, "thresholds": gallery.thresholds, "floor": floor}
        | {"page": number, "pages": gallery.pages, "total": gallery.count},
        photos=(_photo_data(record, image, gallery, index, floor, side) for record, image in photos),
    )


def _photo_data(
    record: ImageDetections, image: RGBImage | str, gallery: Gallery, index: dict[str, int], floor: float, side: int
) -> _Data:
    columns = zip(record.boxes.round(1).tolist(), record.labels, record.scores.tolist(), strict=True)
    found = [[*box, index[label], score] for box, label, score in columns if score >= floor]
    picture = None if isinstance(image, str) else base64.b64encode(thumbnail(image, side)).decode()
    why = utf8(image) if isinstance(image, str) else None
    link = gallery.link(record.id) if gallery.link else None
    size: _Data = {"name": record.id, "width": record.width, "height": record.height}
    return {**size, "link": link, "found": found, "picture": picture, "why": why}
