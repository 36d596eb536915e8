"""The folder of a run: what lies where, whose results they are, and whether a run may go on in it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from detection.converters.locked_folder import locked_folder
from detection.inference.drawings import drawing_name
from detection.inference.find import Failure
from detection.inference.manifest import DRAWINGS, FORMAT, MANIFEST, RunFolderError, read_manifest, write_manifest
from detection.inference.outputs import DETECTIONS, ERRORS, OUTPUTS, PAGE, remove_drawings, remove_outputs
from detection.proposals.base import JSON


class OtherRunError(RunFolderError):
    """The folder holds a run with other settings."""


@dataclass(frozen=True)
class RunFolder:
    """Where the files of a run are; made by :func:`open_run`."""

    path: Path

    @property
    def manifest(self) -> Path:
        return self.path / MANIFEST

    @property
    def detections(self) -> Path:
        return self.path / DETECTIONS

    @property
    def errors(self) -> Path:
        return self.path / ERRORS

    @property
    def page(self) -> Path:
        return self.path / PAGE

    @property
    def drawings(self) -> Path:
        return self.path / DRAWINGS

    def drawing(self, id: str) -> Path:
        """Where the photo ``id`` is drawn: the photos' own tree, below ``annotated``."""
        return self.drawings / drawing_name(id)

    def is_drawn(self, id: str) -> bool:
        """Whether the photo is drawn; one whose drawing's name would be too long is not."""
        return os.path.exists(self.drawing(id))  # noqa: PTH110 - which raises for such a name

    def drawing_address(self, id: str) -> str | None:
        """The address of a photo's drawing for a page in this folder; ``None`` where there is no drawing."""
        address = self.drawing(id).relative_to(self.path).as_posix()
        return quote(os.fsencode(address)) if self.is_drawn(id) else None

    def note_failure(self, failure: Failure) -> None:
        """Add a line to ``errors.csv``, which begins with the first."""
        new = not self.errors.exists()
        with self.errors.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerows([["path", "reason"]] * new + [[str(failure.path), failure.reason]])

    def shows(self, threshold: float | str) -> bool:
        """Whether the annotated images show this threshold."""
        return read_manifest(self.manifest).get("threshold") == threshold

    def forget_drawings(self, threshold: float | str) -> None:
        """Remove the annotated images if they show another threshold, and note that this one is shown from now on."""
        if not self.shows(threshold):
            remove_drawings(self.path)
            write_manifest(self.manifest, {**read_manifest(self.manifest), "threshold": threshold})


@contextmanager
def open_run(path: Path, settings: Mapping[str, JSON], *, overwrite: bool = False) -> Iterator[RunFolder]:
    """The folder of the run with these ``settings``, new or begun before, for this process alone.

    ``settings`` is all that makes the results what they are; the manifest that holds them is there before any result.
    ``overwrite`` begins anew: it removes what a run has written, and nothing else. Raises ``OtherRunError`` where the
    folder holds the results of other settings, and ``RunFolderError`` where it holds files by the names of ours that
    are of no run; ``FolderInUseError`` where another process is at work in it.
    """
    if path.exists() and not path.is_dir():
        raise RunFolderError(f"{path} is a file, not a folder")
    with locked_folder(path):
        folder = RunFolder(path)
        begun = folder.manifest.exists()
        if begun:
            before = read_manifest(folder.manifest)
            remove_outputs(path) if overwrite else _refuse_other_settings(path, before.get("settings"), settings)
        else:
            _refuse_strangers(path)
        if overwrite or not begun:
            started = datetime.now(UTC).isoformat(timespec="seconds")
            write_manifest(folder.manifest, {"format": FORMAT, "started": started, "settings": dict(settings)})
        yield folder


def _refuse_strangers(path: Path) -> None:
    strangers = [name for name in OUTPUTS if (path / name).exists()]
    if strangers:
        raise RunFolderError(f"{path} holds {strangers[0]}, which no run wrote (there is no run.json beside it)")


def _refuse_other_settings(path: Path, before: JSON, now: Mapping[str, JSON]) -> None:
    before = before if isinstance(before, dict) else {}
    for name in dict.fromkeys([*now, *before]):
        if before.get(name) != now.get(name):
            was, wanted = (json.dumps(settings.get(name), ensure_ascii=False) for settings in (before, now))
            raise OtherRunError(f"{path} holds a run with {name} = {was}, and this one has {name} = {wanted}")
