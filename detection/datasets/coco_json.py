"""A COCO instances file as checked records: what it says of images, categories and objects, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from detection.datasets.base import first_repeated

Record = Mapping[str, object]
Id = int | str
LARGEST = 2**24  # float32 tells pixels apart up to here


@dataclass(frozen=True, slots=True)
class CocoImage:
    """``size`` is (width, height), ``None`` where the file does not state it."""

    id: Id
    file_name: str
    size: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Instance:
    """One object: ``xywh`` in pixels; ``area`` that of its segment, ``None`` where the file does not state it."""

    name: str  # "annotation 17"
    image: Id
    category: Id
    xywh: tuple[float, ...]
    crowd: bool
    area: float | None


@dataclass(frozen=True)
class CocoFile:
    """Images and instances in the order of the file; the names of the categories in the order of their ids."""

    images: tuple[CocoImage, ...]
    categories: Mapping[Id, str]
    instances: tuple[Instance, ...]


def read_coco(path: Path) -> CocoFile:
    """The content of an instances file.

    Raises ``FileNotFoundError`` where there is none, and ``ValueError`` naming the file and the record where it is
    damaged, or where an id or a name of a category occurs twice, or an id is referred to and not there.
    """
    content = _load(path)
    try:
        images = tuple(_image(name, record) for name, record in _records(content, "images"))
        named = {
            _id(name, record, "id"): _text(name, record, "name") for name, record in _records(content, "categories")
        }
        categories = {key: named[key] for key in sorted(named, key=lambda key: (isinstance(key, str), key))}
        if twice := first_repeated(categories.values()):
            raise ValueError(f"two categories have the name {twice!r}")
        instances = tuple(_instance(name, record) for name, record in _records(content, "annotations"))
        _check_references(instances, {image.id for image in images}, categories)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return CocoFile(images, categories, instances)


def _load(path: Path) -> Record:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"no annotation file {path}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: truncated or damaged JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds a {type(content).__name__} (as a file of detections does), not COCO's truth")
    return content


def _records(content: Record, key: str) -> Iterator[tuple[str, Record]]:
    """The records of a list, each with its name for messages: "annotation 17". An id may occur once."""
    records = content.get(key)
    if not isinstance(records, list):
        raise ValueError(f"no list {key!r} as in COCO's instances files; there are: {', '.join(content) or 'none'}")
    kind = {"categories": "category"}.get(key, key.removesuffix("s"))
    seen = set()
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise ValueError(f"{key}[{number}] is not an object: {record!r}")
        name = f"{kind} {record['id']}" if "id" in record else f"{key}[{number}]"
        if "id" in record:
            if str(record["id"]) in seen:
                raise ValueError(f"{name} occurs twice")
            seen.add(str(record["id"]))
        yield name, record


def _get(name: str, record: Record, key: str) -> object:
    if key not in record:
        raise ValueError(f"{name} has no {key!r}")
    return record[key]


def _id(name: str, record: Record, key: str) -> Id:
    value = _get(name, record, key)
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise ValueError(f"{name}: {key!r} must be a whole number or a string, got {value!r}")
    return value


def _text(name: str, record: Record, key: str) -> str:
    value = _get(name, record, key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: {key!r} must be a string, got {value!r}")
    return value


def _image(name: str, record: Record) -> CocoImage:
    width, height = record.get("width"), record.get("height")
    size = None
    if type(width) is int and type(height) is int and width > 0 and height > 0:
        size = (width, height)
    return CocoImage(_id(name, record, "id"), _text(name, record, "file_name"), size)


def _instance(name: str, record: Record) -> Instance:
    area = record.get("area")
    if area is not None and not (_is_number(area) and 0 <= area <= LARGEST**2):
        raise ValueError(f"{name}: 'area' must be a number of pixels, got {area!r}")
    return Instance(
        name,
        _id(name, record, "image_id"),
        _id(name, record, "category_id"),
        _box(name, record),
        _is_crowd(name, record),
        area,
    )


def _box(name: str, record: Record) -> tuple[float, ...]:
    value = _get(name, record, "bbox")
    box = tuple(side for side in value if _is_number(side)) if isinstance(value, list) and len(value) == 4 else ()
    if len(box) != 4 or not all(abs(side) <= LARGEST for side in box):
        raise ValueError(f"{name}: 'bbox' must be four numbers in pixels, got {value!r}")
    return box


def _is_crowd(name: str, record: Record) -> bool:
    value = record.get("iscrowd", 0)
    if value not in (0, 1):
        raise ValueError(f"{name}: 'iscrowd' must be 0 or 1, got {value!r}")
    return value == 1


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_references(instances: tuple[Instance, ...], images: set[Id], categories: Mapping[Id, str]) -> None:
    for instance in instances:
        if instance.image not in images:
            raise ValueError(f"{instance.name}: image_id {instance.image!r} is not among the images")
        if instance.category not in categories:
            known = ", ".join(f"{key} {name}" for key, name in categories.items())
            raise ValueError(f"{instance.name}: category_id {instance.category!r} is not among the categories: {known}")
