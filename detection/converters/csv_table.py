"""A table for spreadsheets and scripts: ``image,class,score,x1,y1,x2,y2``, boxes in the house convention."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from detection.converters.rows import DetectionRows, RowsBuilder, text_lines
from detection.converters.text_table import Layout, read_table
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


def header_fields(line: str) -> list[str]:
    """The names of the columns in a table's first line, in quotes or without; empty where it is none."""
    try:
        return [field.strip() for field in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def read_csv(path: Path) -> DetectionRows:
    """The detections of a table, whose columns may be in any order and have others among them.

    Raises ``FileNotFoundError``, and ``ValueError`` naming file and line.
    """
    lines = text_lines(path)
    _, header = next(lines, (1, ""))
    fields = header_fields(header)
    for name in COLUMNS:
        if fields.count(name) != 1:
            what = f"{fields.count(name) or 'no'} column{'s' * (name in fields)} {name!r}"
            raise DetectionsFileError(path, 1, f"{what}; the first line names {','.join(COLUMNS)}")
    places = [fields.index(name) for name in COLUMNS]
    kinds = [float if place in places[2:] else str for place in range(len(fields))]
    builder = RowsBuilder(path)
    for part in read_table(path, lines, Layout(fields, kinds, separator=",")):
        builder.add(part.lines, part.words(places[0]), part.words(places[1]), part.numbers(places[2:]))
    return builder.rows()
