"""What a run leaves in its folder, file by file, so that no one else's file is removed with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from detection.converters.whole_file import PARTS
from detection.converters.yolo_text import CLASSES, LABELS, label_name
from detection.inference.drawings import drawing_name
from detection.inference.manifest import DRAWINGS

DETECTIONS, ERRORS, PAGE = "detections.jsonl", "errors.csv", "index.html"
OUTPUTS = (DETECTIONS, DRAWINGS, ERRORS, PAGE, "detections.csv", "coco", "voc", "yolo", "ilsvrc")
# One file of each of several that are written together.
SIGNS = {
    "the page": PAGE, "coco": "coco/images.json", "voc": "voc/comp4_det_test_*.txt", "yolo": f"yolo/{CLASSES}",
    "ilsvrc": "ilsvrc/detections.txt", "csv": "detections.csv",
}  # fmt: skip
# All but what is called after photos.
PATTERNS = (
    ERRORS, PAGE, "index-[0-9].html", "index-[0-9][0-9].html", "detections.csv",
    "coco/detections.json", "coco/images.json", "voc/comp4_det_test_*.txt", f"yolo/{CLASSES}",
    "ilsvrc/detections.txt", "ilsvrc/images.txt", "ilsvrc/classes.txt",
)  # fmt: skip


def remove_outputs(folder: Path) -> None:
    """Remove all that a run wrote into ``folder``, the detections last; its manifest stays."""
    for output in filter(Path.is_dir, map(folder.joinpath, OUTPUTS)):
        _remove(folder, output.rglob(PARTS))  # what a killed run was writing
    remove_labels(folder)
    _remove(folder, (file for pattern in PATTERNS for file in folder.glob(pattern)))
    remove_drawings(folder)
    (folder / DETECTIONS).unlink(missing_ok=True)


def outdated(folder: Path) -> list[str]:
    """The page and the formats in a run's folder that are older than its detections."""
    last = (folder / DETECTIONS).stat().st_mtime_ns
    files = {name: next(folder.glob(pattern), None) for name, pattern in SIGNS.items()}
    return [name for name, file in files.items() if file and file.stat().st_mtime_ns < last]


def remove_labels(folder: Path, ids: Iterable[str] | None = None) -> None:
    """Remove YOLO's labels of photos: of all that have their detections in a run's folder, or of these."""
    labels = folder / "yolo" / LABELS
    _remove(labels, (labels / label_name(id) for id in (_recorded(folder) if ids is None else ids)))


def remove_drawings(folder: Path, ids: Iterable[str] | None = None) -> None:
    """Remove the drawings of photos: of all that have their detections in a run's folder, or of these."""
    drawings = folder / DRAWINGS
    _remove(drawings, (drawings / drawing_name(id) for id in (_recorded(folder) if ids is None else ids)))


def _recorded(folder: Path) -> Iterator[str]:
    """The ids in a file of detections, which may be damaged."""
    with suppress(FileNotFoundError), (folder / DETECTIONS).open("rb") as lines:
        for line in lines:
            with suppress(ValueError, LookupError, TypeError, RecursionError):
                yield str(json.loads(line)["id"])


def _remove(top: Path, files: Iterable[Path]) -> None:
    """Remove those of ``files`` that are there, below ``top``, and then the folders that are empty, ``top`` too."""
    emptied: set[Path] = set()
    for file in files:
        below = file.is_relative_to(top) and ".." not in file.relative_to(top).parts  # or an id leads out
        if below and os.path.lexists(file) and not os.path.isdir(file):  # noqa: PTH112 - Path's raise for long names
            file.unlink()
            emptied |= {folder for folder in file.parents if folder == top or top in folder.parents}
    for folder in sorted(emptied, key=lambda folder: len(folder.parts), reverse=True):
        with suppress(OSError):  # something else is in it
            folder.rmdir()
