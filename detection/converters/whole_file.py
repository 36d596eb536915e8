"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """Where to write a file, which takes its name at the end; after an error what had that name before is left.

    For one writer at a time: what a killed one leaves is written over by the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with named_errors(path):
            yield part
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Say in errors of the system which file could not be written: they do not where a disk is full."""
    try:
        yield
    except OSError as error:
        if error.strerror and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file to write, as :func:`whole_path` has it."""
    with whole_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        yield file
