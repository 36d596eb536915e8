"""The one way from a path to detections, whatever wrote them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from detection.converters.coco_results import TRUTH, read_coco_results
from detection.converters.csv_table import COLUMNS, header_fields, read_csv
from detection.converters.ilsvrc_text import read_ilsvrc_text
from detection.converters.image_ids import by_id
from detection.converters.rows import DetectionRows, RowsBuilder, open_text
from detection.converters.voc_text import FILE_NAME, image_sets, read_voc_text
from detection.image_names import ImageNames
from detection.results import DetectionsFileError, iterate_detections

logger = logging.getLogger(__name__)

RUN_FILE = "detections.jsonl"  # what a run calls its file


class Names(Protocol):
    """What a data set calls its images and classes."""

    @property
    def ids(self) -> Sequence[str]: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...

    def path(self, index: int) -> Path: ...


def read_any(path: Path | str, names: Names, category_ids: Sequence[int | str] = ()) -> list[DetectionRows]:
    """The detections of a file or folder: JSON Lines, VOC or ILSVRC text, COCO results, or CSV, found by its content.

    A folder is one of VOC text files, or of a run that left its ``detections.jsonl`` there. ``names`` is the data set,
    whose list or order gives ILSVRC's numbers a meaning; COCO's image numbers are read as ids, and ``category_ids`` are
    its ids of the classes; where none are given they must count the classes from 1. Images that are named by their
    photos' files get their ids. Raises ``FileNotFoundError``, and ``ValueError`` naming file and line.
    """
    found = _read(Path(path), names, category_ids)
    images = ImageNames(names.ids, [names.path(index) for index in range(len(names.ids))])
    return [by_id(rows, images) for rows in found]


def _read(path: Path, names: Names, category_ids: Sequence[int | str]) -> list[DetectionRows]:
    """The detections by the names of their files."""
    if (path / RUN_FILE).is_file():
        path = path / RUN_FILE
    if path.is_dir() or FILE_NAME.fullmatch(path.name):
        return read_voc_text(path, names.class_names)
    with open_text(path) as file:
        head = file.read(4096).lstrip()
    start = head.partition("\n")[0]
    if TRUTH.match(head):
        raise ValueError(f"{path}: holds COCO's annotations, which are for --data, not detections")
    if start.startswith("{") or not start:
        return [_read_json_lines(path)]
    if start.startswith("["):
        return [_read_coco(path, names, category_ids)]
    if set(COLUMNS) & set(header_fields(start)):
        return [read_csv(path)]
    if len(start.split()) == len(COLUMNS):
        return [_read_ilsvrc(path, names)]
    known = (
        "JSON Lines (one image a line), a folder of VOC text files, a list of COCO results, ILSVRC's seven columns, "
        f"and CSV with {','.join(COLUMNS)}"
    )
    message = f"not detections. Known are {known}; this begins with {start.strip()[:60]!r}"
    raise DetectionsFileError(path, 1, message)


def splits_of(path: Path) -> tuple[str, ...]:
    """The splits that detection files may be of, as their names say (VOC's text), the longest first."""
    return () if (path / RUN_FILE).is_file() else image_sets(path)


def _read_ilsvrc(path: Path, names: Names) -> DetectionRows:
    numbers: tuple[int, ...] = getattr(names, "image_numbers", ())  # which the list of a split may give
    if numbers:
        message = "%s: images are taken to be numbered as in the list of the split, from %d to %d"
        logger.warning(message, path, min(numbers), max(numbers))
    return read_ilsvrc_text(path, names.ids, names.class_names, numbers)


def _read_coco(path: Path, names: Names, category_ids: Sequence[int | str]) -> DetectionRows:
    numbers = category_ids or range(1, len(names.class_names) + 1)
    images: dict[int | str, str] = {int(image): image for image in names.ids if image.isdecimal()}
    categories: dict[int | str, str] = dict(zip(numbers, names.class_names, strict=True))
    rows = read_coco_results(path, images, categories)
    unknown = {label: row for label, row in rows.labels.first_rows().items() if label.startswith("#")}
    if unknown and not category_ids:
        listed, place = ", ".join(list(unknown)[:5]), int(rows.lines[min(unknown.values())])
        raise DetectionsFileError(
            path,
            place,
            f"category numbers beyond the {len(names.class_names)} classes, counted from 1: {listed}; "
            'name the classes instead, as "category": "..." in each entry',
        )
    return rows


def _read_json_lines(path: Path) -> DetectionRows:
    builder = RowsBuilder(path)
    line = 0
    try:
        for line, record in iterate_detections(path):
            found = len(record.labels)
            numbers = np.column_stack([record.scores, record.boxes])
            builder.add([line] * found, [record.id] * found, record.labels, numbers)
            if not found:
                builder.add_empty(line, record.id)
    except RecursionError as error:
        raise DetectionsFileError(path, line + 1, "not JSON: brackets within brackets without end") from error
    return builder.rows()
