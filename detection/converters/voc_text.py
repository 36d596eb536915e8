"""PASCAL VOC's submission: a text file a class, ``comp4_det_<set>_<class>.txt``, a line a detection.

``<image id> <score> <xmin> <ymin> <xmax> <ymax>``, pixels from 1, both ends inside the box.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from detection.converters.rows import TO_ONE_BASED_INCLUSIVE, DetectionRows, RowsBuilder, number_of, text_lines
from detection.converters.whole_file import whole_file
from detection.results import DetectionsFileError, ImageDetections

FILE_NAME = re.compile(r".+?_det_[^_]+_(?P<label>.+)\.txt(\.gz)?")


def write_voc_text(
    records: Iterable[ImageDetections], class_names: Sequence[str], folder: Path, image_set: str = "test"
) -> None:
    """One file for every class, empty where nothing was found, as the devkit wants it.

    Numbers are written with all their digits. Raises ``ValueError`` for an id with a blank, a class name that no file
    can have, and a label that is not of ``class_names``.
    """
    for name in class_names:
        if not name or "/" in name or "\\" in name:
            raise ValueError(f"class {name!r} cannot be part of a file's name")
    with ExitStack() as stack:
        path = {name: folder / f"comp4_det_{image_set}_{name}.txt" for name in class_names}
        files = {name: stack.enter_context(whole_file(path[name])) for name in class_names}
        for record in records:
            if len(record.id.split()) != 1:
                raise ValueError(f"image id {record.id!r} has a blank, which separates the columns of VOC's text files")
            boxes = (record.boxes + TO_ONE_BASED_INCLUSIVE).tolist()
            for label, score, box in zip(record.labels, record.scores.tolist(), boxes, strict=True):
                file = number_of(label, files, f"image {record.id!r}: class")
                file.write(f"{record.id} {score!r} {' '.join(map(repr, box))}\n")


def read_voc_text(path: Path) -> list[DetectionRows]:
    """Every class file of a folder, plain or ``.gz``, or the one file that ``path`` is.

    Raises ``FileNotFoundError`` where there is none, and ``ValueError`` naming file and line.
    """
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        match = FILE_NAME.fullmatch(file.name)
        if match is None:
            continue
        label = match["label"]
        if label in files:
            raise ValueError(f"{file}: class {label!r} has two files, the other is {files[label].name}")
        files[label] = file
    if not files:
        raise FileNotFoundError(f"{path}: no file is named like comp4_det_test_<class>.txt")
    return [_read_class(file, label) for label, file in files.items()]


def _read_class(file: Path, label: str) -> DetectionRows:
    builder = RowsBuilder(file)
    for number, line in text_lines(file):
        try:
            image, score, xmin, ymin, xmax, ymax = line.split()
            builder.add(number, image, label, float(score), [float(xmin), float(ymin), float(xmax), float(ymax)])
        except ValueError:
            wanted = "<image id> <score> <xmin> <ymin> <xmax> <ymax>"
            raise DetectionsFileError(file, number, f"expected {wanted}, got {line.strip()[:80]!r}") from None
    return builder.rows(one_based_inclusive=True)
