"""PASCAL VOC's submission: a text file a class, ``comp4_det_<set>_<class>.txt``, a line a detection.

``<image id> <score> <xmin> <ymin> <xmax> <ymax>``, pixels from 1, both ends inside the box. Blanks separate the
columns: one in an image's id is written as in an address of the web, ``%20``, and a percent sign ``%25``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, unquote

from detection.converters.rows import TO_ONE_BASED_INCLUSIVE, DetectionRows, RowsBuilder, number_of
from detection.converters.text_table import read_blanked
from detection.converters.whole_file import LONGEST_NAME, whole_file
from detection.results import ImageDetections

COLUMNS = ("image id", "score", "xmin", "ymin", "xmax", "ymax")
FILE_NAME = re.compile(r".+?_det_(?P<set_and_class>[^_]+_.+)\.txt(\.gz)?")


def write_voc_text(
    records: Iterable[ImageDetections], class_names: Sequence[str], folder: Path, image_set: str = "test"
) -> None:
    """One file for every class, empty where nothing was found, as the devkit wants it.

    Numbers are written with all their digits. Raises ``ValueError`` for a class name that no file can have, and a label
    that is not of ``class_names``.
    """
    for name in class_names:
        if fault := class_fault(name, image_set):
            raise ValueError(f"class {name!r}: {fault}")
    with ExitStack() as stack:
        path = {name: folder / _file_name(name, image_set) for name in class_names}
        files = {name: stack.enter_context(whole_file(path[name])) for name in class_names}
        for record in records:
            image = re.sub(r"[\s%]", lambda match: quote(match[0]), record.id)
            boxes = (record.boxes + TO_ONE_BASED_INCLUSIVE).tolist()
            for label, score, box in zip(record.labels, record.scores.tolist(), boxes, strict=True):
                file = number_of(label, files, f"image {record.id!r}: class")
                file.write(f"{image} {score!r} {' '.join(map(repr, box))}\n")


def class_fault(name: str, image_set: str = "test") -> str | None:
    """Why a class cannot have a file of its own, as it must have here; ``None`` where it can."""
    if not name or re.search(r"[/\\\0\r\n]", name):
        return "VOC has a file for each class, and none can be called so"
    if len(os.fsencode(_file_name(name, image_set))) > LONGEST_NAME:
        return "VOC has a file for each class, and this name is too long for one"
    return None


def _file_name(class_name: str, image_set: str) -> str:
    return f"comp4_det_{image_set}_{class_name}.txt"


def read_voc_text(path: Path, class_names: Sequence[str] = ()) -> list[DetectionRows]:
    """Every class file of a folder, plain or ``.gz``, or the one file that ``path`` is.

    The files may lie in a folder one or two levels below, as the devkit's in ``results/VOC2007/Main``, if one alone has
    such files. Names of sets and classes may have underscores: of the sets on which the files agree, the one that
    leaves most of ``class_names`` is theirs, or else the shortest. Raises ``FileNotFoundError`` where there is no file,
    and ``ValueError`` naming file and line.
    """
    folders = _class_files(path)
    if not folders:
        raise FileNotFoundError(f"{path}: no file is named like comp4_det_test_<class>.txt")
    if len(folders) > 1:
        places = ", ".join(str(next(iter(files)).parent) for files in folders)
        raise ValueError(f"{path}: several folders have files like comp4_det_test_<class>.txt, name one: {places}")
    files: dict[str, Path] = {}
    known = {name.casefold() for name in class_names}

    def fits(image_set: str) -> int:
        return sum(label.casefold() in known for label in _labels(folders[0], image_set))

    chosen = max(reversed(_sets(folders)), key=fits, default="")  # of those that fit alike the shortest
    for file, label in zip(folders[0], _labels(folders[0], chosen), strict=True):
        if label in files:
            raise ValueError(f"{file}: class {label!r} has two files, the other is {files[label].name}")
        files[label] = file
    return [_read_class(file, label) for label, file in files.items()]


def image_sets(path: Path) -> tuple[str, ...]:
    """The image sets on which the names of the class files agree, such as ``test``, the longest first.

    Several where it may be part of the set or of the class: ``test_2012`` and ``test`` of ``test_2012_cat``.
    """
    return _sets(_class_files(path))


def _class_files(path: Path) -> list[dict[Path, str]]:
    """The class files of a folder, each with its set and class as named; or those of the nearest folders below."""
    if not path.is_dir():
        return [found] if (found := _named_files([path])) else []
    levels = ([path], path.glob("*/"), path.glob("*/*/"))
    found_on = ([files for folder in sorted(level) if (files := _named_files(folder.iterdir()))] for level in levels)
    return next(filter(None, found_on), [])


def _named_files(files: Iterable[Path]) -> dict[Path, str]:
    matches = ((file, FILE_NAME.fullmatch(file.name)) for file in sorted(files))
    return {file: match["set_and_class"] for file, match in matches if match}


def _sets(folders: Iterable[Mapping[Path, str]]) -> tuple[str, ...]:
    """What all names begin with, up to an underscore; the longest first."""
    beginnings = [
        {name[: match.start()] for match in re.finditer("_", name)} for files in folders for name in files.values()
    ]
    return tuple(sorted(set.intersection(*beginnings), key=len, reverse=True)) if beginnings else ()


def _labels(files: Mapping[Path, str], image_set: str) -> list[str]:
    """The classes behind a set; without one, behind the first underscore of each."""
    return [name.removeprefix(f"{image_set}_") if image_set else name.partition("_")[2] for name in files.values()]


def _read_class(file: Path, label: str) -> DetectionRows:
    builder = RowsBuilder(file)
    for part in read_blanked(file, COLUMNS, [str, *[float] * 5]):
        builder.add(part.lines, [*map(unquote, part.words(0))], [label] * len(part.lines), part.numbers(range(1, 6)))
    return builder.rows(one_based_inclusive=True, class_of_file=label)
