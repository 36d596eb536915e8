"""The images with the most errors, with what is there and what was found."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from detection.datasets.base import Dataset
from detection.evaluation.analysis import Analysis
from detection.evaluation.tables import Floats
from detection.evaluation.worst_images import ImageErrors
from detection.report.gallery import thumbnail
from detection.report.page import utf8

LONGEST_SIDE = 720

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Marked:
    """A box in the photo: ``kind`` is right, wrong or missed; ``text`` stands at it."""

    kind: str
    text: str
    box: tuple[float, float, float, float]

    @property
    def size(self) -> tuple[float, float]:
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


@dataclass(frozen=True)
class Photo:
    """A photo of the page; ``picture`` is a JPEG in base64."""

    name: str
    width: int
    height: int
    picture: str
    facts: str
    marks: tuple[Marked, ...]


def worst_photos(analysis: Analysis, dataset: Dataset, images: list[int]) -> Iterator[Photo]:
    """The worst images, one at a time; ``images`` are the positions of the judged images in ``dataset``.

    Those that cannot be read are left out, with one warning.
    """
    unread = []
    for errors in analysis.worst:
        index = images[errors.image]
        name = utf8(dataset.ids[index])
        try:
            image = dataset.image(index)
        except (OSError, ValueError) as error:
            unread.append(f"{name} ({error})")
            continue
        picture = base64.b64encode(thumbnail(image, LONGEST_SIDE)).decode()
        yield Photo(name, image.shape[1], image.shape[0], picture, _facts(errors), tuple(_marks(analysis, errors)))
    if unread:
        most = f"{len(unread)} of the {len(analysis.worst)} photos with the most errors"
        logger.warning("not on the page are %s, such as %s", most, unread[0])


def _facts(errors: ImageErrors) -> str:
    parts = (len(errors.right), "right"), (len(errors.wrong), "wrong"), (len(errors.missed), "missed")
    return ", ".join(f"{count} {word}" for count, word in parts if count)


def _marks(analysis: Analysis, errors: ImageErrors) -> Iterable[Marked]:
    """Objects first, so that detections lie on top."""
    judged = analysis.judgement
    objects, found = judged.objects, judged.detections
    for row in errors.missed:
        yield Marked("missed", judged.class_names[objects.labels[row]], _box(objects.boxes[row]))
    for kind, rows in (("wrong", errors.wrong), ("right", errors.right)):
        for row in rows:
            text = f"{judged.class_names[found.labels[row]]} {found.scores[row]:.2f}"
            yield Marked(kind, text, _box(found.boxes[row]))


def _box(box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.round(1).tolist()
    return x1, y1, x2, y2
