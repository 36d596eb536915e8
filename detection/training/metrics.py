"""The logs of a run: a line of JSON each, added to a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from detection.converters.whole_file import named_errors

METRICS = "metrics.jsonl"


def log_line(path: Path, values: Mapping[str, object]) -> None:
    """Add a line to a log."""
    with named_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def log_size(path: Path) -> int:
    """The bytes of a log: a checkpoint remembers them."""
    return path.stat().st_size if path.exists() else 0


def cut_log(path: Path, size: int) -> None:
    """Drop what was added to a log after it had ``size`` bytes: it will happen again."""
    if log_size(path) > size:
        with path.open("r+b") as file:
            file.truncate(size)
