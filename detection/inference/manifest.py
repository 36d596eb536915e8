"""The manifest of a run's folder, ``run.json``: it says whose results lie there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from detection.converters.whole_file import whole_file
from detection.proposals.base import JSON

FORMAT = "googlenet-rcnn detections, 1"
MANIFEST = "run.json"
DRAWINGS = "annotated"  # the folder beside it, in which photos are drawn


class RunFolderError(ValueError):
    """A run cannot go on in this folder; the message says in one line why."""


def read_manifest(manifest: Path) -> dict[str, JSON]:
    """What a manifest says. Raises ``RunFolderError`` where it is none of ours, and ``OSError``."""
    try:
        content = json.loads(manifest.read_bytes())
    except ValueError as error:
        raise RunFolderError(f"{manifest}: not JSON, so not of a run: {error}") from error
    if not (isinstance(content, dict) and content.get("format") == FORMAT):
        raise RunFolderError(f"{manifest} is not of a run like this one (its format is not {FORMAT!r})")
    return content


def write_manifest(manifest: Path, content: Mapping[str, JSON]) -> None:
    """Write a manifest, by rename."""
    with whole_file(manifest) as file:
        file.write(json.dumps(content, indent=2) + "\n")


def is_drawings(folder: Path) -> bool:
    """Whether a folder holds the drawings of a run."""
    if folder.name != DRAWINGS:
        return False
    try:
        return bool(read_manifest(folder.parent / MANIFEST))
    except (RunFolderError, OSError):
        return False
