"""The photos of a run: every image below the given files and folders, each once, with an id that stays the same."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detection.datasets.base import Dataset
from detection.datasets.open import open_dataset
from detection.images import IMAGE_SUFFIXES

NUMBER = re.compile(r"-?\d+")
TO_CONVERT = (".heic", ".heif", ".avif")  # photos of telephones and browsers
# what lies beside photos and is none, so that nobody misses it
COMPANIONS = frozenset(
    {
        *(".txt", ".md", ".json", ".jsonl", ".xml", ".csv", ".tsv", ".yaml", ".yml", ".html", ".htm", ".css", ".js"),
        *(".py", ".log", ".ini", ".db", ".aae", ".xmp"),
    }
)


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
    """The numbers of images, by id, and of classes, by name."""

    images: Mapping[str, int]
    classes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """Photos in the order of their ids, the folder that the ids begin from, and the folders that cannot be listed.

    ``numbers``: those that a data set gives its images and classes, for each format that has numbers.
    ``left_out``: how many files of each other suffix lie in the folders; texts and tables are not counted.
    """

    root: Path
    photos: tuple[Photo, ...]
    unreadable: tuple[Failure, ...]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


def find_photos(paths: Sequence[Path], *, leave_out: Path | None = None) -> Found:
    """The images at ``paths``: files as they are given, folders with all that lies below them.

    In a folder a file counts by its suffix (``IMAGE_SUFFIXES``); hidden files and folders do not count, nor does the
    folder ``leave_out``. Links are followed, in circles too, and a file that is reached twice counts once. The root is
    the folder given, or the nearest one that holds all of ``paths``. Raises ``FileNotFoundError`` for a path that is
    not there and ``ValueError`` where there is no image at all.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        if leave_out and os.path.realpath(path) == os.path.realpath(leave_out):
            raise ValueError(f"{path}: the photos' own folder cannot be the one that the results go to")
    unreadable: list[Failure] = []
    seen = set() if leave_out is None else {os.path.realpath(leave_out)}
    left_out: Counter[str] = Counter()
    files = [file for path in paths for file in _files(_absolute(path), seen, unreadable, left_out)]
    if not files and not unreadable:
        places = ", ".join(str(path) for path in paths)
        others = f"; {told}" if (told := left_out_words(left_out)) else ""
        raise ValueError(f"{places}: no image there (looked for {', '.join(sorted(IMAGE_SUFFIXES))}){others}")
    root = _common_root([_absolute(path) for path in paths])
    photos = (Photo(file.relative_to(root).as_posix(), file) for file in files)
    return Found(root, tuple(sorted(photos, key=lambda photo: photo.id)), tuple(unreadable), left_out=left_out)


def left_out_words(left_out: Mapping[str, int]) -> str:
    """Which files were left out, in a line, and what can be done for those that are photos; empty where none was."""
    if not left_out:
        return ""
    count = sum(left_out.values())
    each = ", ".join(f"{suffix} {number:,}" for suffix, number in sorted(left_out.items()))
    words = f"{count:,} file{'s' if count > 1 else ''} left out ({each})"
    photos = [suffix for suffix in TO_CONVERT if suffix in left_out]
    advice = f"; convert {' and '.join(photos)} to JPEG first, with pillow-heif or ImageMagick" if photos else ""
    return words + advice


def photos_of(data: str, *, leave_out: Path | None = None) -> Found:
    """The photos of a data set, under its own ids, so that its annotations can be compared with what is found.

    Those in the folder ``leave_out`` do not count. ``data`` and errors as in
    :func:`detection.datasets.open.open_dataset`.
    """
    dataset = open_dataset(data)
    photos = (Photo(image_id, dataset.path(index)) for index, image_id in enumerate(dataset.ids))
    if leave_out:
        outside = leave_out.resolve()
        photos = (photo for photo in photos if outside not in photo.path.resolve().parents)
    return Found(Path(data), tuple(photos), (), numbers=dict(_numbers(dataset)))


def _numbers(dataset: Dataset) -> Iterator[tuple[str, Numbers]]:
    """ILSVRC's are those of its lists, or places in them from 1; COCO's are ids, where all of them are numbers."""
    ids, names = dataset.ids, dataset.class_names
    listed: tuple[int, ...] = getattr(dataset, "image_numbers", ())
    images = dict(zip(ids, listed or range(1, len(ids) + 1), strict=True))
    yield "ilsvrc", Numbers(images, {name: number for number, name in enumerate(names, start=1)})
    categories: tuple[int | str, ...] = getattr(dataset, "category_ids", ())
    numbers = [number for number in categories if isinstance(number, int)]
    if numbers and len(numbers) == len(names) and all(map(NUMBER.fullmatch, ids)):
        yield "coco", Numbers({id: int(id) for id in ids}, dict(zip(names, numbers, strict=True)))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links, and ids are of the path that was given


def _common_root(paths: Sequence[Path]) -> Path:
    folders = [path if path.is_dir() else path.parent for path in paths]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:
        drives = ", ".join(sorted({folder.drive for folder in folders}))
        raise ValueError(f"the photos lie on several drives ({drives}): run once for each") from error


def _files(path: Path, seen: set[str], unreadable: list[Failure], left_out: Counter[str]) -> Iterator[Path]:
    """The images at or below ``path`` that are not in ``seen``, the real paths met so far."""
    candidates = _walk(path, seen, unreadable, left_out) if path.is_dir() else [path]
    for candidate in candidates:
        real = os.path.realpath(candidate)
        if real not in seen:
            seen.add(real)
            yield candidate


def _walk(top: Path, seen: set[str], unreadable: list[Failure], left_out: Counter[str]) -> Iterator[Path]:
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
        files = [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        links += [path for path in (*(Path(folder, name) for name in subfolders), *files) if path.is_symlink()]
        own = [path for path in files if not path.is_symlink()]
        left_out.update(path.suffix.lower() for path in own if _is_missed(path))
        yield from filter(_is_image, own)
    for link in links:
        if link.is_dir():
            yield from _walk(link, seen, unreadable, left_out)
        elif _is_image(link):
            yield link


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def _is_missed(path: Path) -> bool:
    """Whether someone may take this file for a photo."""
    return bool(path.suffix) and path.suffix.lower() not in IMAGE_SUFFIXES | COMPANIONS
