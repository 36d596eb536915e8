"""What tells a photo's file from another by the same name."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

NO_WAIT, BYTES = getattr(os, "O_NONBLOCK", 0), getattr(os, "O_BINARY", 0)  # Windows has the one, all others the other


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A file as it was: bytes, nanoseconds since 1970 of its last change, and a hash of what is in it.

    Size and time are quick to compare; where the time alone differs, as after a copy, the hash decides.
    """

    size: int
    modified: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """The file as it is now; ``None`` where none can be read. A pipe is not waited for."""
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | NO_WAIT | BYTES), "rb") as file:
                now = os.fstat(file.fileno())
                if not stat.S_ISREG(now.st_mode):
                    return None
                return cls(now.st_size, now.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest()[:16])
        except OSError:
            return None

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The file that a line of detections names; raises ``ValueError``."""
        kinds = {"size": int, "modified": int, "sha256": str}
        if not isinstance(value, Mapping) or {key: type(field) for key, field in value.items()} != kinds:
            raise ValueError(f"file: expected an object with the keys {', '.join(kinds)}, got {str(value)[:60]}")
        return cls(**value)

    def to_json(self) -> dict[str, int | str]:
        """As an object of JSON."""
        return asdict(self)

    def is_replaced(self, path: Path) -> bool:
        """Whether another file is there by now; what is not there, or cannot be read, replaces nothing."""
        try:
            now = path.stat()
        except OSError:
            return False
        if (now.st_size, now.st_mtime_ns) == (self.size, self.modified):
            return False
        there = PhotoFile.of(path)
        return there is not None and (there.size, there.sha256) != (self.size, self.sha256)
