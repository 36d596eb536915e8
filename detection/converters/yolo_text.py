"""YOLO's results: a text file a photo, a line a detection, as ultralytics writes them (``save_txt``, ``save_conf``).

``<class> <cx> <cy> <width> <height> <confidence>``: the class by its number from 0, the box in shares of the sides of
the upright photo.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping, Sequence
from pathlib import Path, PurePosixPath

from detection.converters.rows import number_of
from detection.converters.whole_file import LONGEST_NAME, whole_file
from detection.images import IMAGE_SUFFIXES
from detection.results import ImageDetections

CLASSES = "classes.txt"
LABELS = "labels"


def write_yolo_text(records: Iterable[ImageDetections], class_names: Sequence[str], folder: Path) -> None:
    """``labels/<photo>.txt`` for every photo, empty where nothing was found, and the classes in ``classes.txt``.

    Numbers are written with all their digits. Raises ``ValueError`` for two photos that would share a file, a name
    that is too long for one, a class name of several lines, and a label that is not of ``class_names``.
    """
    for name in class_names:
        if fault := class_fault(name):
            raise ValueError(f"class {name!r}: {fault}")
    classes = {name: number for number, name in enumerate(class_names)}
    owners: dict[str, str] = {}
    for record in records:
        name = claim_label(record.id, owners)
        lines = []
        for label, score, (x1, y1, x2, y2) in zip(
            record.labels, record.scores.tolist(), record.boxes.tolist(), strict=True
        ):
            number = number_of(label, classes, f"image {record.id!r}: class")
            width, height = record.width, record.height
            shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
            lines.append(f"{number} {' '.join(map(repr, shares))} {score!r}\n")
        with whole_file(folder / LABELS / name) as file:
            file.writelines(lines)
    with whole_file(folder / CLASSES) as file:
        file.writelines(f"{name}\n" for name in class_names)


def label_name(image: str) -> str:
    """What the file of a photo is called, whose id may have an image's suffix: ``sub/a`` and ``sub/a.jpg`` alike."""
    path = PurePosixPath(image)
    return f"{path.with_suffix('') if path.suffix.lower() in IMAGE_SUFFIXES else path}.txt"


def claim_label(image: str, owners: MutableMapping[str, str]) -> str:
    """:func:`label_name` of a photo, which is noted in ``owners``.

    Raises ``ValueError`` where it is another photo's there, and where no file can be called so.
    """
    name = label_name(image)
    if len(os.fsencode(PurePosixPath(name).name)) > LONGEST_NAME:
        raise ValueError(f"{image}: its name is too long for a file {PurePosixPath(name).name[:20]}...txt")
    if (owner := owners.setdefault(name, image)) != image:
        raise ValueError(f"{image}: shares the file {name} with {owner}")
    return name


def class_fault(name: str) -> str | None:
    """Why a class cannot stand in ``classes.txt``; ``None`` where it can."""
    return None if len(name.splitlines()) == 1 else "a name with a line break cannot stand in a text file"
