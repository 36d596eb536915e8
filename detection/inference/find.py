"""The photos of a run: every image below the given files and folders, each once, with an id that stays the same."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from detection.datasets.base import Dataset
from detection.datasets.listing import is_list
from detection.datasets.open import Place, find_dataset, open_place
from detection.images import IMAGE_SUFFIXES
from detection.inference.left_out import LeftOut
from detection.inference.manifest import is_drawings

NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file; ``id`` is its path below the run's root, with forward slashes."""

    id: str
    path: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or folder that could not be worked on, and why, in one line."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of images, by id, and of classes, by name; and what images are called beside their numbers, by id."""

    images: Mapping[str, int]
    classes: Mapping[str, int]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """Photos in the order of their ids, where they are from, and the folders that cannot be listed.

    ``root``: the absolute path of the folder that the ids begin from; of a data set with its format and its split.
    ``numbers``: those that a data set gives its images and classes, for each format that has numbers.
    """

    root: str
    photos: tuple[Photo, ...]
    unreadable: tuple[Failure, ...]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)


def find_photos(paths: Sequence[Path], *, leave_out: Path | None = None) -> Found:
    """The images at ``paths``: files as they are given, folders with all that lies below them.

    In a folder a file counts by its suffix (``IMAGE_SUFFIXES``); hidden files and folders do not count, nor do the
    folder ``leave_out`` and the drawings of other runs. Links are followed, in circles too, and a file that is reached
    twice counts once. The root is the folder given, or the nearest one that holds all of ``paths``. Raises
    ``FileNotFoundError`` for a path that is not there and ``ValueError`` where there is no image at all.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        if leave_out and os.path.realpath(path) == os.path.realpath(leave_out):
            raise ValueError(f"{path}: the photos' own folder cannot be the one that the results go to")
    unreadable: list[Failure] = []
    seen = set() if leave_out is None else {os.path.realpath(leave_out)}
    left_out = LeftOut()
    files = [file for path in paths for file in _files(_absolute(path), seen, unreadable, left_out)]
    if not files and not unreadable:
        places = ", ".join(str(path) for path in paths)
        others = f"; {told}" if (told := str(left_out)) else ""
        raise ValueError(f"{places}: no image there (looked for {', '.join(sorted(IMAGE_SUFFIXES))}){others}")
    root = _common_root([_absolute(path) for path in paths])
    photos = (Photo(file.relative_to(root).as_posix(), file) for file in files)
    return Found(str(root), tuple(sorted(photos, key=lambda photo: photo.id)), tuple(unreadable), left_out=left_out)


def photos_of(data: str) -> Found:
    """The photos of a data set, under its own ids, so that its annotations can be compared with what is found.

    The drawings that runs left among them do not count. ``data`` and errors as in
    :func:`detection.datasets.open.open_dataset`.
    """
    place = find_dataset(data)
    dataset = open_place(place)
    left_out = LeftOut()
    drawings = _drawings_below(_absolute(place.path), left_out)
    photos = (Photo(image_id, _absolute(dataset.path(index))) for index, image_id in enumerate(dataset.ids))
    own = tuple(photo for photo in photos if not drawings(photo.path.parent))
    return Found(_address(place), own, (), numbers=dict(_numbers(dataset)), left_out=left_out)


def _address(place: Place) -> str:
    """What tells a data set from any other, however its path is typed."""
    list_or_split = place.split and (str(_absolute(Path(place.split))) if is_list(place.split) else place.split)
    parts = (place.kind, _absolute(place.path), place.photos and _absolute(place.photos), list_or_split)
    return ":".join(str(part) for part in parts if part)


def _drawings_below(root: Path, left_out: LeftOut) -> Callable[[Path], bool]:
    """Tells whether a folder below ``root`` lies in the drawings of a run, which are noted in ``left_out``."""

    @cache
    def lies_in_drawings(folder: Path) -> bool:
        if root not in folder.parents:
            return False
        if is_drawings(folder):
            left_out.drawings.append(folder)
            return True
        return lies_in_drawings(folder.parent)

    return lies_in_drawings


def _numbers(dataset: Dataset) -> Iterator[tuple[str, Numbers]]:
    """ILSVRC's are those of its lists, or places in them from 1; COCO's are ids, where all of them are numbers."""
    ids, names = dataset.ids, dataset.class_names
    listed: tuple[int, ...] = getattr(dataset, "image_numbers", ())
    images = dict(zip(ids, listed or range(1, len(ids) + 1), strict=True))
    yield "ilsvrc", Numbers(images, {name: number for number, name in enumerate(names, start=1)})
    categories: tuple[int | str, ...] = getattr(dataset, "category_ids", ())
    numbers = [number for number in categories if isinstance(number, int)]
    if numbers and len(numbers) == len(names) and all(map(NUMBER.fullmatch, ids)):
        images = {id: int(id) for id in ids}
        yield "coco", Numbers(images, dict(zip(names, numbers, strict=True)), dict(_file_names(dataset)))


def _file_names(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """What a data set calls its photos: their files, below the folder that it names them from where it has one."""
    folder: Path | None = getattr(dataset, "photos_folder", None)
    for index, image_id in enumerate(dataset.ids):
        path = dataset.path(index)
        below = path.relative_to(folder).as_posix() if folder and path.is_relative_to(folder) else path.name
        yield image_id, below


def _absolute(path: Path) -> Path:
    """The whole path as it was given, links and all; a link before a ``..`` is followed, as the system does."""
    if ".." not in path.parts:
        return Path.cwd() / path
    whole = Path(path.anchor or Path.cwd())
    for part in path.relative_to(path.anchor).parts:
        whole = (whole.resolve() if whole.is_symlink() else whole).parent if part == ".." else whole / part
    return whole


def _common_root(paths: Sequence[Path]) -> Path:
    folders = [path if path.is_dir() else path.parent for path in paths]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:
        drives = ", ".join(sorted({folder.drive for folder in folders}))
        raise ValueError(f"the photos lie on several drives ({drives}): run once for each") from error


def _files(path: Path, seen: set[str], unreadable: list[Failure], left_out: LeftOut) -> Iterator[Path]:
    """The images at or below ``path`` that are not in ``seen``, the real paths met so far."""
    candidates = _walk(path, seen, unreadable, left_out) if path.is_dir() else [path]
    for candidate in candidates:
        real = os.path.realpath(candidate)
        if real not in seen:
            seen.add(real)
            yield candidate


def _walk(top: Path, seen: set[str], unreadable: list[Failure], left_out: LeftOut) -> Iterator[Path]:
    """The images below ``top``; links come last, so that what is reached twice is known by its own path.

    What cannot be listed and what is left out is noted in the last two.
    """

    def note(error: OSError) -> None:
        unreadable.append(Failure(Path(error.filename), f"cannot list this folder: {error.strerror}"))

    links: list[Path] = []
    for folder, subfolders, names in os.walk(top, onerror=note):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        drawings = [name for name in subfolders if is_drawings(Path(folder, name))]
        left_out.drawings.extend(Path(folder, name) for name in drawings)
        subfolders[:] = [name for name in subfolders if name not in drawings]
        files = [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        links += [path for path in (*(Path(folder, name) for name in subfolders), *files) if path.is_symlink()]
        own = [path for path in files if not path.is_symlink()]
        for path in own:
            left_out.note(path)
        yield from filter(_is_image, own)
    for link in links:
        if link.is_dir():
            yield from _walk(link, seen, unreadable, left_out)
        elif _is_image(link):
            yield link


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES
