"""COCO's results: one JSON list of ``{image_id, category_id, bbox: [x, y, width, height], score}``.

The names are written beside the numbers, as ``image`` and ``category``, which COCO's own tools pass over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from detection.converters.rows import DetectionRows, RowsBuilder, number_of, open_text
from detection.converters.whole_file import whole_file
from detection.results import DetectionsFileError, ImageDetections

TRUTH = re.compile(r'\{\s*"(info|licenses|images|annotations|categories)"\s*:')  # how annotations begin, not results


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


def read_coco_results(
    path: Path, images: Mapping[int | str, str], categories: Mapping[int | str, str]
) -> DetectionRows:
    """The detections of a results file, plain or ``.gz``; "lines" count its entries from 1.

    ``images`` and ``categories`` give the names of the numbers, where an entry does not name them itself; a number
    without a name becomes one like ``#201``, a text without one is the name. Raises ``FileNotFoundError``, and
    ``ValueError`` naming file and entry.
    """
    with open_text(path) as file:
        entries = _load(path, file)
    builder = RowsBuilder(path)
    images_and_categories, numbers = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            images_and_categories.append((_name(entry, "image", images), _name(entry, "category", categories)))
            x, y, width, height = entry["bbox"]
            if not {*map(type, (entry["score"], x, y, width, height))} <= {int, float}:
                raise TypeError("not five numbers")
            numbers.append([*map(float, (entry["score"], x, y, x + width, y + height))])
        except (KeyError, TypeError, ValueError, OverflowError):
            wanted = "an object with image_id, category_id, bbox [x, y, width, height] and score"
            got = json.dumps(entry)[:120]
            raise DetectionsFileError(path, number, f"(entry {number}) expected {wanted}, got {got}") from None
    image_column, category_column = ([pair[place] for pair in images_and_categories] for place in (0, 1))
    builder.add(range(1, len(entries) + 1), image_column, category_column, numbers)
    return builder.rows()


def _load(path: Path, file: TextIO) -> list[Any]:
    try:
        entries = json.load(file)
    except json.JSONDecodeError as error:
        raise DetectionsFileError(path, error.lineno, f"not JSON (column {error.colno}: {error.msg})") from error
    except (RecursionError, ValueError) as error:  # too deep; or whole numbers of thousands of digits
        raise ValueError(f"{path}: not to be read as JSON: {error}") from error
    if not isinstance(entries, list):
        raise DetectionsFileError(path, 1, "expected a list of results, [{image_id, category_id, bbox, score}, ...]")
    return entries


def _name(entry: Mapping[str, Any], what: str, names: Mapping[int | str, str]) -> str:
    """An image or a category by its own name, or by what its id stands for."""
    value = entry[what] if what in entry else entry[f"{what}_id"]
    if type(value) not in (str, int, float):
        raise TypeError(f"{what}: neither a name nor a number")
    if what in entry:
        return str(value)
    return names.get(value, value if isinstance(value, str) else f"#{value}")
