"""VOC and ILSVRC, read leniently."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from detection.datasets.annotation_xml import Annotation, InvertedBoxError, read_annotation
from detection.datasets.ilsvrc import det_200, det_files, det_splits
from detection.datasets.listing import Files
from detection.datasets.open import Place
from detection.datasets.voc import find_layout, voc_files, voc_splits
from detection.doctor.contents import Entry, Item, Part, Thing, shown
from detection.doctor.findings import (
    DEGENERATE_BOX,
    MALFORMED_RECORD,
    MISSING_ANNOTATION,
    NO_OBJECTS,
    REPEATED_ID,
    UNANNOTATED,
    UNREADABLE_ANNOTATION,
    Case,
    Kind,
)


def voc_parts(place: Place, asked: Sequence[str]) -> Iterator[Part]:
    """The splits asked for, or all; a photo without an annotation file is refused by the reader of VOC."""
    for split in asked or voc_splits(place.path) or (None,):
        faults: list[ValueError] = []
        files = voc_files(find_layout(place.path, split), faults.append)
        yield _part(split, files, faults, place.path, MISSING_ANNOTATION)


def ilsvrc_parts(place: Place, asked: Sequence[str]) -> Iterator[Part]:
    """The splits asked for, or all; a photo without an annotation file is one without objects."""
    for split in asked or det_splits(place.path) or (None,):
        faults: list[ValueError] = []
        files = det_files(place.path, split, faults.append)
        yield _part(split, files, faults, place.path, UNANNOTATED)


def _part(split: str | None, files: Files, faults: Sequence[ValueError], root: Path, bare: Kind) -> Part:
    name = split or "all"

    def read() -> Iterator[Item]:
        for fault in faults:
            yield Case(REPEATED_ID, name, detail=str(fault).replace(f"{root}{os.sep}", ""))
        for _, file, photo in zip(*files, strict=True):
            yield from _items(name, file, photo, root, bare)

    return Part(name, files[2], read)


def _items(split: str, file: Path, photo: Path, root: Path, bare: Kind) -> Iterator[Item]:
    """A photo with the objects of its annotation file, and the faults of that."""
    faults: list[ValueError] = []
    make_case = partial(Case, split=split, photo=shown(file, root))
    annotation = Annotation.empty(file)
    try:
        annotation = read_annotation(file, faults.append)
    except FileNotFoundError:
        yield Case(bare, split, shown(photo, root))
    except ValueError as error:
        yield make_case(UNREADABLE_ANNOTATION, detail=_words(error, file))
    else:
        if not annotation.names and not faults:
            yield Case(NO_OBJECTS, split, shown(photo, root))
    for fault in faults:
        kind = DEGENERATE_BOX if isinstance(fault, InvertedBoxError) else MALFORMED_RECORD
        yield make_case(kind, detail=_words(fault, file))
    yield Entry(split, photo, shown(photo, root), annotation.size, tuple(_objects(annotation)))


def _objects(annotation: Annotation) -> Iterator[Thing]:
    names = det_200()
    rows = zip(annotation.numbers, annotation.names, annotation.boxes.tolist(), annotation.difficult, strict=True)
    for number, name, box, difficult in rows:
        yield Thing(f"object {number}", names.get(name, name), tuple(box), counted=not difficult)


def _words(error: ValueError, file: Path) -> str:
    return str(error).removeprefix(f"{file}: ")
