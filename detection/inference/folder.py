"""The folder of a run: what lies where, whose results they are, and whether a run may go on in it."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from detection.converters.locked_folder import locked_folder
from detection.converters.whole_file import whole_file
from detection.inference.drawings import drawing_name
from detection.inference.find import Failure
from detection.proposals.base import JSON

FORMAT = "googlenet-rcnn detections, 1"
OUTPUTS = (
    "detections.jsonl", "annotated", "errors.csv", "index.html", "detections.csv", "coco", "voc", "yolo", "ilsvrc",
)  # fmt: skip


class RunFolderError(ValueError):
    """A run cannot go on in this folder; the message says in one line why."""


class OtherRunError(RunFolderError):
    """The folder holds a run with other settings."""


@dataclass(frozen=True)
class RunFolder:
    """Where the files of a run are; made by :func:`open_run`."""

    path: Path

    @property
    def manifest(self) -> Path:
        return self.path / "run.json"

    @property
    def detections(self) -> Path:
        return self.path / "detections.jsonl"

    @property
    def errors(self) -> Path:
        return self.path / "errors.csv"

    @property
    def page(self) -> Path:
        return self.path / "index.html"

    @property
    def drawings(self) -> Path:
        return self.path / "annotated"

    def drawing(self, id: str) -> Path:
        """Where the photo ``id`` is drawn: the photos' own tree, below ``annotated``."""
        return self.drawings / drawing_name(id)

    def drawing_address(self, id: str) -> str | None:
        """The address of a photo's drawing for a page in this folder; ``None`` where there is no drawing."""
        drawing = self.drawing(id)
        return quote(os.fsencode(drawing.relative_to(self.path).as_posix())) if drawing.exists() else None

    def note_failure(self, failure: Failure) -> None:
        """Add a line to ``errors.csv``, which begins with the first."""
        new = not self.errors.exists()
        with self.errors.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerows([["path", "reason"]] * new + [[str(failure.path), failure.reason]])

    def forget_drawings(self, threshold: float | str) -> None:
        """Remove the annotated images if they show another threshold, and note that this one is shown from now on."""
        content = _read_manifest(self.manifest)
        if content.get("threshold") != threshold:
            if self.drawings.exists():
                shutil.rmtree(self.drawings)
            _write_manifest(self.manifest, {**content, "threshold": threshold})


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
        if folder.manifest.exists():
            _check_or_clear(folder, settings, overwrite=overwrite)
        else:
            _refuse_strangers(path)
        if not folder.manifest.exists():
            started = datetime.now(UTC).isoformat(timespec="seconds")
            _write_manifest(folder.manifest, {"format": FORMAT, "started": started, "settings": dict(settings)})
        yield folder


def _check_or_clear(folder: RunFolder, settings: Mapping[str, JSON], *, overwrite: bool) -> None:
    before = _read_manifest(folder.manifest).get("settings")
    if overwrite:
        _remove_outputs(folder.path)
        folder.manifest.unlink()
    else:
        _refuse_other_settings(folder.path, before, settings)


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


def _remove_outputs(path: Path) -> None:
    for output in [*(path / name for name in OUTPUTS), *path.glob("index-*.html")]:
        if output.is_dir() and not output.is_symlink():
            shutil.rmtree(output)
        else:
            output.unlink(missing_ok=True)


def _read_manifest(manifest: Path) -> dict[str, JSON]:
    try:
        content = json.loads(manifest.read_bytes())
    except ValueError as error:
        raise RunFolderError(f"{manifest}: not JSON, so not of a run: {error}") from error
    if not (isinstance(content, dict) and content.get("format") == FORMAT):
        raise RunFolderError(f"{manifest} is not of a run like this one (its format is not {FORMAT!r})")
    return content


def _write_manifest(manifest: Path, content: Mapping[str, JSON]) -> None:
    with whole_file(manifest) as file:
        file.write(json.dumps(content, indent=2) + "\n")
