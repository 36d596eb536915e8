"""COCO, read leniently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from detection.datasets.coco import choose_coco_file, find_coco_files, find_photos
from detection.datasets.coco_json import CocoFile, Id, Instance, RepeatedIdError, UnknownIdError, read_coco
from detection.datasets.open import Place
from detection.doctor.contents import Entry, Item, Part, Thing, shown
from detection.doctor.findings import (
    ANNOTATION_ID_0,
    CATEGORY_IDS,
    MALFORMED_RECORD,
    NO_OBJECTS,
    REPEATED_ID,
    UNKNOWN_ID,
    UNREADABLE_ANNOTATION,
    Case,
    Kind,
)

LONGEST = 120  # characters of a message that lists all categories


def coco_parts(place: Place, asked: Sequence[str]) -> Iterator[Part]:
    """The files of the splits asked for, or all."""
    if place.path.is_file():
        if asked:
            raise ValueError(f"{place.path}: a COCO file has no split {asked[0]!r}")
        files = {place.path.stem.removeprefix("instances_"): place.path}
    else:
        files = {split: choose_coco_file(place.path, split) for split in asked} or find_coco_files(place.path)
    root = place.path if place.path.is_dir() else place.path.parent
    return (_part(split, file, place.photos, root) for split, file in files.items())


def _part(split: str, file: Path, folder: Path | None, root: Path) -> Part:
    faults: list[ValueError] = []
    where = shown(file, root)
    try:
        content = read_coco(file, faults.append)
    except ValueError as error:
        damage = Case(UNREADABLE_ANNOTATION, split, where, detail=str(error).removeprefix(f"{file}: "))
        return Part(split, (), lambda: [damage])
    _, photos = find_photos(file, content.images, folder)

    def read() -> Iterator[Item]:
        for fault in faults:
            yield Case(_kind(fault), split, where, detail=_shortened(str(fault)))
        yield from _numbering(content, split, where)
        yield from _entries(content, split, photos, root)

    return Part(split, photos, read, tuple(dict.fromkeys(content.categories.values())))


def _kind(fault: ValueError) -> Kind:
    if isinstance(fault, RepeatedIdError):
        return REPEATED_ID
    return UNKNOWN_ID if isinstance(fault, UnknownIdError) else MALFORMED_RECORD


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST else f"{message[:LONGEST]} ..."


def _numbering(content: CocoFile, split: str, where: str) -> Iterator[Case]:
    ids = [key for key in content.categories if isinstance(key, int)]
    if ids and ids != list(range(1, len(ids) + 1)):
        yield Case(CATEGORY_IDS, split, where, detail=_shortened(f"ids {', '.join(map(str, ids))}"))
    for instance in content.instances:
        if instance.name == "annotation 0":
            yield Case(ANNOTATION_ID_0, split, where)


def _entries(content: CocoFile, split: str, photos: Sequence[Path], root: Path) -> Iterator[Item]:
    objects: dict[Id, list[Instance]] = defaultdict(list)
    for instance in content.instances:
        objects[instance.image].append(instance)
    for image, photo in zip(content.images, photos, strict=True):
        things = []
        for one in objects[image.id]:
            x, y, width, height = one.xywh
            box = (x, y, x + width, y + height)
            things.append(Thing(one.name, content.categories[one.category], box, counted=not one.crowd))
        if not things:
            yield Case(NO_OBJECTS, split, shown(photo, root))
        yield Entry(split, photo, shown(photo, root), image.size, tuple(things))
