"""The log of a run: a line of JSON each, in metrics.jsonl."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

METRICS = "metrics.jsonl"


def log_line(folder: Path, values: Mapping[str, object]) -> None:
    """Add a line to metrics.jsonl; ``values`` have a "step"."""
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def forget_after(folder: Path, step: int) -> None:
    """Drop the lines of metrics.jsonl after ``step``, which will happen again, and one that a kill cut off."""
    path = folder / METRICS
    if not path.exists():
        return
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    kept = [line for line in whole if json.loads(line)["step"] <= step]
    temporary = path.with_name(path.name + ".part")
    temporary.write_text("".join(kept), encoding="utf-8")
    temporary.replace(path)
