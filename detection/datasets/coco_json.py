"""A COCO instances file as checked records: what it says of images, categories and objects, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, TypeVar

from detection.boxes import LARGEST
from detection.datasets.base import Refuse, stop

Record = Mapping[str, object]
Id = int | str
Parsed = TypeVar("Parsed")


class RepeatedIdError(ValueError):
    """A record whose id another record has, or a category whose name."""


class EmptyCategoryError(RepeatedIdError):
    """A category without objects whose name another category has."""


class UnknownIdError(ValueError):
    """An annotation of an image or category that is not there."""


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


def read_coco(path: Path, refuse: Refuse = stop) -> CocoFile:
    """The content of an instances file.

    Raises ``FileNotFoundError`` where there is none, and ``ValueError`` naming the file where it is damaged. A damaged
    record, one whose id, or a category whose name, occurs twice (:class:`RepeatedIdError`), and one that refers to what
    is not there (:class:`UnknownIdError`) is refused with an error that names it; it is left out where ``refuse``
    returns, but for a category with objects.
    """
    content = _load(path)
    try:
        images = tuple(_records(content, "images", _image, refuse))
        named = dict(_records(content, "categories", _category, refuse))
        ordered = {key: named[key] for key in sorted(named, key=lambda key: (isinstance(key, str), key))}
        everything = tuple(_records(content, "annotations", _instance, refuse))
        categories = _of_different_names(ordered, {one.category for one in everything}, refuse)
        instances = tuple(_known(everything, {image.id for image in images}, categories, refuse))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return CocoFile(images, categories, instances)


def category_names(path: Path) -> Mapping[Id, str]:
    """The categories of an instances file alone; none where it has none that can be read."""
    try:
        return dict(_records(_load(path), "categories", _category, lambda _: None))
    except ValueError:
        return {}


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


def _records(content: Record, key: str, parse: Callable[[str, Record], Parsed], refuse: Refuse) -> Iterator[Parsed]:
    """The records of a list, parsed; an id may occur once."""
    records = content.get(key)
    if not isinstance(records, list):
        raise ValueError(f"no list {key!r} as in COCO's instances files; there are: {', '.join(content) or 'none'}")
    seen: set[str] = set()
    for number, record in enumerate(records):
        try:
            parsed = parse(_name(key, number, record, seen), record)
        except ValueError as fault:
            refuse(fault)
        else:
            yield parsed


def _name(key: str, number: int, record: object, seen: set[str]) -> str:
    """What messages call a record: "annotation 17"; its id joins those that were ``seen``."""
    if not isinstance(record, dict):
        raise ValueError(f"{key}[{number}] is not an object: {record!r}")
    if "id" not in record:
        return f"{key}[{number}]"
    kind = {"categories": "category"}.get(key, key.removesuffix("s"))
    name, id = f"{kind} {record['id']}", str(record["id"])
    if id in seen:
        raise RepeatedIdError(f"{name} occurs twice")
    seen.add(id)
    return name


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
    file_name = _text(name, record, "file_name").replace("\\", "/")  # of an export made on Windows
    return CocoImage(_id(name, record, "id"), file_name, size)


def _category(name: str, record: Record) -> tuple[Id, str]:
    return _id(name, record, "id"), _text(name, record, "name")


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


def _of_different_names(categories: Mapping[Id, str], used: set[Id], refuse: Refuse) -> Mapping[Id, str]:
    """The categories without those that have no objects and the name of another: some tools write their groups so."""
    kept = dict(categories)
    for name in (name for name, count in Counter(categories.values()).items() if count > 1):
        alike = [key for key, other in categories.items() if other == name]
        needed = [key for key in alike if key in used] or alike[:1]
        for key in (key for key in alike if key not in needed):
            refuse(EmptyCategoryError(f"category {key} has no objects and the name of another, {name!r}"))
            del kept[key]
        if len(needed) > 1:
            refuse(RepeatedIdError(f"two categories have the name {name!r}"))
    return kept


def _known(
    instances: Iterable[Instance], images: set[Id], categories: Mapping[Id, str], refuse: Refuse
) -> Iterator[Instance]:
    """The instances whose image and category are there."""
    choices = ", ".join(f"{key} {name}" for key, name in categories.items())
    for one in instances:
        if one.image not in images:
            refuse(UnknownIdError(f"{one.name}: image_id {one.image!r} is not among the images"))
        elif one.category not in categories:
            problem = f"category_id {one.category!r} is not among the categories: {choices}"
            refuse(UnknownIdError(f"{one.name}: {problem}"))
        else:
            yield one
