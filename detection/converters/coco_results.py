"""COCO's results: one JSON list of ``{image_id, category_id, bbox: [x, y, width, height], score}``.

The names are written beside the numbers, as ``image`` and ``category``, which COCO's own tools pass over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from detection.converters.rows import DetectionRows, RowsBuilder, number_of, open_text
from detection.converters.whole_file import whole_file
from detection.results import DetectionsFileError, ImageDetections


def write_coco_results(
    records: Iterable[ImageDetections], image_ids: Mapping[str, int], category_ids: Mapping[str, int], path: Path
) -> None:
    """The list, an entry a line, with all digits; images and classes by the numbers they have in the annotations.

    Raises ``ValueError`` for an image or a class without a number.
    """
    separator = ""
    with whole_file(path) as file:
        file.write("[")
        for record in records:
            image = number_of(record.id, image_ids, "image")
            for label, score, box in zip(record.labels, record.scores.tolist(), record.boxes.tolist(), strict=True):
                x1, y1, x2, y2 = box
                category = number_of(label, category_ids, f"image {record.id!r}: class")
                numbers = {"image_id": image, "category_id": category}
                found = {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": score, "image": record.id, "category": label}
                file.write(f"{separator}\n{json.dumps({**numbers, **found}, allow_nan=False)}")
                separator = ","
        file.write("\n]\n")


def read_coco_results(path: Path, images: Mapping[int, str], categories: Mapping[int, str]) -> DetectionRows:
    """The detections of a results file, plain or ``.gz``; "lines" count its entries from 1.

    ``images`` and ``categories`` give the names of the numbers, where an entry does not name them itself; a number
    without a name becomes one like ``#201``. Raises ``FileNotFoundError``, and ``ValueError`` naming file and entry.
    """
    try:
        with open_text(path) as file:
            entries = json.load(file)
    except json.JSONDecodeError as error:
        raise DetectionsFileError(path, error.lineno, f"not JSON (column {error.colno}: {error.msg})") from error
    if not isinstance(entries, list):
        raise DetectionsFileError(path, 1, "expected a list of results, [{image_id, category_id, bbox, score}, ...]")
    builder = RowsBuilder(path)
    for number, entry in enumerate(entries, start=1):
        try:
            x, y, width, height = (float(value) for value in entry["bbox"])
            image = str(entry["image"]) if "image" in entry else _named(images, entry["image_id"])
            label = str(entry["category"]) if "category" in entry else _named(categories, entry["category_id"])
            builder.add(number, image, label, float(entry["score"]), [x, y, x + width, y + height])
        except (KeyError, TypeError, ValueError):
            wanted = "an object with image_id, category_id, bbox [x, y, width, height] and score"
            got = json.dumps(entry)[:120]
            raise DetectionsFileError(path, number, f"(entry {number}) expected {wanted}, got {got}") from None
    return builder.rows()


def _named(names: Mapping[int, str], number: int | str) -> str:
    return number if isinstance(number, str) else names.get(number, f"#{number}")
