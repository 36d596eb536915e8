"""What a data set says of itself, read leniently: a fault becomes a case, and the reading goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from detection.datasets.listing import is_hidden
from detection.doctor.findings import UNLISTED, Case
from detection.images import IMAGE_SUFFIXES
from detection.proposals.store import Report


@dataclass(frozen=True, slots=True)
class Thing:
    """An annotated object; ``box`` x1, y1, x2, y2 in the house convention, as annotated: perhaps without area.

    ``place`` names it in its annotation ("object 3"); ``counted``: neither difficult nor a crowd.
    """

    place: str
    name: str
    box: tuple[float, ...]
    counted: bool

    def __str__(self) -> str:
        return f"{self.place} ({self.name})"


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo of a split with what could be read of its annotation; ``size`` is the width and height stated there."""

    split: str
    photo: Path
    shown: str  # the path below the data set
    size: tuple[int, int] | None
    objects: tuple[Thing, ...]


Item = Entry | Case


@dataclass(frozen=True)
class Part:
    """A split whose photos are known, and whose annotations are still to be read; ``classes`` that it declares."""

    split: str
    photos: tuple[Path, ...]
    read: Callable[[], Iterable[Item]]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """All that was read; ``left_out`` are lists that others make up, such as VOC's trainval."""

    format: str
    root: Path
    splits: tuple[str, ...]
    left_out: tuple[str, ...]
    class_names: tuple[str, ...]
    entries: tuple[Entry, ...]
    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        """What the folder is called; none of the machine's folders is in it."""
        return self.root.resolve().name


def shown(path: Path, root: Path) -> str:
    """A path as the data set's user knows it: below its folder, with forward slashes."""
    return Path(os.path.relpath(path, root)).as_posix()


def read_parts(parts: Iterable[Part], report: Report) -> tuple[list[Entry], list[Case]]:
    """The annotations of all parts."""
    parts = list(parts)
    total = sum(len(part.photos) for part in parts)
    entries: list[Entry] = []
    cases: list[Case] = []
    for part in parts:
        for item in part.read():
            if isinstance(item, Case):
                cases.append(item)
                continue
            entries.append(item)
            report("reading annotations", len(entries), total)
    return entries, cases


def unlisted(parts: Iterable[Part], root: Path) -> Iterator[Case]:
    """The image files beside the photos of the parts that none of them names."""
    used = {photo for part in parts for photo in part.photos}
    for folder in sorted({photo.parent for photo in used}):
        if folder.is_dir():
            shown_there = (path for path in folder.iterdir() if not is_hidden(path))
            images = {path for path in shown_there if path.suffix.lower() in IMAGE_SUFFIXES}
            yield from (Case(UNLISTED, photo=shown(path, root)) for path in sorted(images - used))
