"""Which files the name of a model stands for; nothing here opens them, so that nothing here needs torch."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

from detection.datasets.listing import read_lines

BUNDLED = "voc5"
SUFFIX = ".safetensors"
LAST = f"last{SUFFIX}"  # the model that a training run leaves in its folder
LIST = ".txt"  # an ensemble in one file: its members' files, one a line
MEMBER = re.compile(r"member-(\d+)")  # a run's folder in that of an ensemble


def model_files(name: str | Path) -> list[Path]:
    """The files of a model: a path; what a run left in its folder; or what the name of a bundled one means.

    An ensemble is a list of its members' files (:func:`listed_files`); trained by tools/ensemble.py it is a folder of
    runs, ``member-1``, ``member-2``, ..., of which the finished ones count. Empty where there is no such model.
    Raises ``ValueError`` and ``FileNotFoundError`` where a list is none, or names what is not there.
    """
    path, bundled = Path(name), _bundled_folder()
    if left := _left_by_runs(path):
        return left
    for file in (path, bundled / f"{name}{SUFFIX}", bundled / f"{name}{LIST}"):
        if file.is_file():
            return listed_files(file) if file.suffix == LIST else [file]
    return []


def _left_by_runs(folder: Path) -> list[Path]:
    """The models of the runs in a folder, or of the one run that it is."""
    return [file for run in [*member_runs(folder), folder] if (file := run / LAST).is_file()]


def listed_files(path: Path) -> list[Path]:
    """The files that a list names, one a line, each from the list's own folder; blank lines do not count."""
    try:
        files = [path.parent / line.strip() for line in read_lines(path) if line.strip()]
    except ValueError as error:
        raise ValueError(f"{path} is not a list of model files: {error}") from None
    if not files:
        raise ValueError(f"{path} names no model file")
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{path} names {file}, which is no file")
    return files


def model_file(name: str | Path) -> Path | None:
    """The file of a model that is one file; ``None`` where there is no such model."""
    files = model_files(name)
    return files[0] if len(files) == 1 else None


def bundled_models() -> list[str]:
    """The names of the models that come with the package; an ensemble is one name."""
    return sorted(path.stem for path in _bundled_folder().iterdir() if path.suffix in (SUFFIX, LIST))


def is_bundled(file: Path) -> bool:
    """Whether a model file is one that comes with the package, which others use too."""
    return _bundled_folder().resolve() in file.resolve().parents


def member_runs(folder: Path) -> list[Path]:
    """``member-1``, ``member-2``, ... of a folder, in the order of their numbers."""
    found = {int(match[1]): path for path in folder.glob("*") if (match := MEMBER.fullmatch(path.name))}
    return [found[number] for number in sorted(found)]


def fingerprints(name: str | Path) -> list[str]:
    """What tells a model's files from others: their names and what is in them; its own name where there is none."""
    return [fingerprint(path) for path in model_files(name)] or [str(name)]


def fingerprint(path: Path) -> str:
    """The name of a model's file and a hash of what is in it."""
    with path.open("rb") as file:
        return f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"


def weights_hash(path: Path) -> str:
    """What tells a model file's weights from others; its header, which may be changed, has no part in it."""
    with path.open("rb") as file:
        file.seek(
            8 + int.from_bytes(file.read(8), "little")
        )  # safetensors: the header's length, the header, the weights
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


def _bundled_folder() -> Path:
    return Path(str(resources.files("detection"))) / "models"
