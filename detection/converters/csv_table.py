"""A table for spreadsheets and scripts: ``image,class,score,x1,y1,x2,y2``, boxes in the house convention."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from detection.converters.rows import DetectionRows, RowsBuilder, text_lines
from detection.converters.whole_file import whole_file
from detection.results import DetectionsFileError, ImageDetections

COLUMNS = ["image", "class", "score", "x1", "y1", "x2", "y2"]


def write_csv(records: Iterable[ImageDetections], path: Path) -> None:
    """A header and a line for every detection, with all digits."""
    with whole_file(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for record in records:
            columns = zip(record.labels, record.scores.tolist(), record.boxes.tolist(), strict=True)
            table.writerows([record.id, label, repr(score), *map(repr, box)] for label, score, box in columns)


def read_csv(path: Path) -> DetectionRows:
    """The detections of a table, whose columns may be in any order and have others among them.

    Raises ``FileNotFoundError``, and ``ValueError`` naming file and line.
    """
    builder = RowsBuilder(path)
    lines = text_lines(path)
    _, header = next(lines, (1, ""))
    fields = next(csv.reader([header]), [])
    missing = [name for name in COLUMNS if name not in fields]
    if missing:
        raise DetectionsFileError(path, 1, f"no column {missing[0]!r}; the first line names {','.join(COLUMNS)}")
    places = [fields.index(name) for name in COLUMNS]
    for number, line in lines:
        values = next(csv.reader([line]))
        try:
            image, label, score, *box = (values[place] for place in places)
            builder.add(number, image, label, float(score), [float(value) for value in box])
        except (IndexError, ValueError):
            raise DetectionsFileError(path, number, f"expected {','.join(fields)}, got {line.strip()[:80]!r}") from None
    return builder.rows()
