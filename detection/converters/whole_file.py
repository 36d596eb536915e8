"""Files that are there whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

PARTS = f".{'?' * 16}.part"  # what :func:`part_of` calls them
LONGEST_NAME = 255  # bytes of a file's name, on every usual disk


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """Where to write a file, which takes its name at the end; after an error what had that name before is left.

    For one writer at a time: what a killed one leaves is written over by the next. An ``OSError`` names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        with named_errors(path, part):
            yield part
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """The name of a file while it is written: short, as its own may be as long as names can be."""
    short = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".{short}.part")


@contextmanager
def named_errors(path: Path, part: Path | None = None) -> Iterator[None]:
    """Say in errors of the system which file could not be written: they do not where a disk is full.

    A ``part`` of the file, under a name of its own, is not what anybody knows.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, part and str(part)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file to write, as :func:`whole_path` has it."""
    with whole_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        yield file
