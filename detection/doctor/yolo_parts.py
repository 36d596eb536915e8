"""YOLO, read leniently."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from detection.datasets.listing import Files, photos_in
from detection.datasets.open import Place
from detection.datasets.yolo_labels import FlatBoxError, LabelFile, UnknownClassError, read_labels
from detection.datasets.yolo_layout import CLASSES, YoloLayout, find_yolo, yolo_files
from detection.doctor.contents import Entry, Item, Part, Thing, shown
from detection.doctor.findings import (
    DEGENERATE_BOX,
    MALFORMED_RECORD,
    MISSING_PHOTO,
    NO_OBJECTS,
    UNANNOTATED,
    UNKNOWN_ID,
    UNREADABLE_ANNOTATION,
    Case,
    Kind,
)
from detection.images import ImageError, image_size


def yolo_parts(place: Place, asked: Sequence[str]) -> Iterator[Part]:
    """The splits asked for, or all."""
    layout = find_yolo(place.path)
    return (_part(layout, split, must_be=bool(asked)) for split in asked or layout.splits)


def _part(layout: YoloLayout, split: str, *, must_be: bool) -> Part:
    """A split; one that is described and not there is a case, unless it is asked for."""
    try:
        files = yolo_files(layout, split)
    except (FileNotFoundError, ValueError) as error:
        if must_be:
            raise
        damage = Case(UNREADABLE_ANNOTATION, split, shown(layout.source, layout.root), detail=_words(error, layout))
        return Part(split, (), lambda: [damage], layout.class_names)

    def read() -> Iterator[Item]:
        for _, file, photo in zip(*files, strict=True):
            yield from _items(layout, split, file, photo)
        yield from _without_photo(layout, split, files)

    return Part(split, files[2], read, layout.class_names)


def _items(layout: YoloLayout, split: str, file: Path, photo: Path) -> Iterator[Item]:
    """A photo with the objects of its label file, and the faults of that."""
    faults: list[ValueError] = []
    content = LabelFile.empty(file)
    try:
        content = read_labels(file, layout.class_names, faults.append)
    except FileNotFoundError:
        yield Case(UNANNOTATED, split, shown(photo, layout.root))
    except ValueError as error:
        yield Case(UNREADABLE_ANNOTATION, split, shown(file, layout.root), detail=str(error).removeprefix(f"{file}: "))
    else:
        if not content.labels and not faults:
            yield Case(NO_OBJECTS, split, shown(photo, layout.root))
    for fault in faults:
        yield Case(_kind(fault), split, shown(file, layout.root), detail=str(fault).replace(f"{file}:", "line ", 1))
    yield Entry(split, photo, shown(photo, layout.root), None, tuple(_objects(content, photo, layout.class_names)))


def _objects(content: LabelFile, photo: Path, class_names: Sequence[str]) -> Iterator[Thing]:
    """The objects in pixels; none where the photo, of which that is a case by itself, does not tell its size."""
    try:
        boxes = content.boxes(*image_size(photo)).tolist() if content.labels else []
    except (FileNotFoundError, ImageError):
        return
    for line, label, box in zip(content.lines, content.labels, boxes, strict=True):
        yield Thing(f"line {line}", class_names[label], tuple(box), counted=True)


def _without_photo(layout: YoloLayout, split: str, files: Files) -> Iterator[Case]:
    """The label files without a photo of their name, in folders that are for label files only."""
    folders = {file.parent: photo.parent for _, file, photo in zip(*files, strict=True)}
    for folder, photos in sorted(folders.items()):
        if folder == photos:
            continue
        names = {*photos_in(photos), Path(CLASSES).stem}
        for file in sorted(file for file in folder.glob("*.txt") if file.stem not in names):
            yield Case(MISSING_PHOTO, split, shown(file, layout.root), detail="labels of a photo that is not there")


def _kind(fault: ValueError) -> Kind:
    if isinstance(fault, FlatBoxError):
        return DEGENERATE_BOX
    return UNKNOWN_ID if isinstance(fault, UnknownClassError) else MALFORMED_RECORD


def _words(error: Exception, layout: YoloLayout) -> str:
    """What an error says, without the machine's folders."""
    return str(error).replace(f"{layout.root}{os.sep}", "")
