"""ILSVRC's detection submission: one text file, a line a detection.

``<image index> <class id> <score> <xmin> <ymin> <xmax> <ymax>``: the number of the image is that beside it in the image
list, as in the devkit, or that of its line; the number of the class that among the classes, from 1; pixels from 1, both
ends inside the box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.converters.rows import TO_ONE_BASED_INCLUSIVE, DetectionRows, RowsBuilder, number_of
from detection.converters.text_table import read_blanked
from detection.converters.whole_file import whole_file
from detection.results import ImageDetections

COLUMNS = ("image index", "class id", "score", "xmin", "ymin", "xmax", "ymax")


def write_ilsvrc_text(
    records: Iterable[ImageDetections], images: Mapping[str, int], classes: Mapping[str, int], path: Path
) -> None:
    """The file, with all digits; images and classes by their numbers.

    Raises ``ValueError`` for an image or a class without a number.
    """
    with whole_file(path) as file:
        for record in records:
            image = number_of(record.id, images, "image")
            boxes = (record.boxes + TO_ONE_BASED_INCLUSIVE).tolist()
            for name, score, box in zip(record.labels, record.scores.tolist(), boxes, strict=True):
                label = number_of(name, classes, f"image {record.id!r}: class")
                file.write(f"{image} {label} {score!r} {' '.join(map(repr, box))}\n")


def read_ilsvrc_text(
    path: Path, image_ids: Sequence[str], class_names: Sequence[str], image_numbers: Sequence[int] = ()
) -> DetectionRows:
    """The detections of a file, plain or ``.gz``; a number outside the lists becomes a name like ``#201``.

    ``image_numbers`` are those of ``image_ids``: 1, 2, 3, ... unless given. Raises ``FileNotFoundError``, and
    ``ValueError`` naming file and line.
    """
    builder = RowsBuilder(path)
    images = dict(zip(image_numbers or range(1, len(image_ids) + 1), image_ids, strict=True))
    classes = dict(enumerate(class_names, start=1))
    for part in read_blanked(path, COLUMNS, [int, int, *[float] * 5]):
        columns = [_named(column, names) for column, names in zip(part.columns[:2], (images, classes), strict=True)]
        builder.add(part.lines, columns[0], columns[1], part.numbers(range(2, 7)))
    return builder.rows(one_based_inclusive=True)


def _named(numbers: NDArray[np.generic], names: Mapping[int, str]) -> list[str]:
    """What the numbers of a column stand for."""
    return [names.get(number) or f"#{number}" for number in numbers.tolist()]
