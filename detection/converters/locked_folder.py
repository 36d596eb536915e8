"""Folders that one process at a time works in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class FolderInUseError(ValueError):
    """Another process is at work in a folder."""


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Keep other processes out of a folder, until this one ends at the latest.

    A folder that is not there is made, and goes again if it stays empty. Raises ``FolderInUseError``; not on
    Windows, nor on network drives without locks.
    """
    made = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    try:
        with _lock(path):
            yield
    finally:
        if made:
            with suppress(OSError):  # it is not empty
                path.rmdir()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives have no locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"{path} is in use by another process: wait for it, or choose another --out"
                raise FolderInUseError(message) from error
        yield
    finally:
        os.close(handle)
