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
    with _lock(path):
        try:
            yield
        finally:
            if made:
                with suppress(OSError):  # it is not empty
                    path.rmdir()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.mkdir(parents=True, exist_ok=True)
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
                raise _in_use(path) from error
        if not (path.exists() and os.path.samestat(os.fstat(handle), path.stat())):
            raise _in_use(path)  # by one who made it, and took it away in this moment
        yield
    finally:
        os.close(handle)


def _in_use(path: Path) -> FolderInUseError:
    return FolderInUseError(f"{path} is in use by another process: wait for it, or choose another --out")
