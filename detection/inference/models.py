"""Which files the name of a model stands for; nothing here opens them, so that nothing here needs torch."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

BUNDLED = "voc5"
SUFFIX = ".safetensors"
LAST = f"last{SUFFIX}"  # the model that a training run leaves in its folder
MEMBER = re.compile(r"(?P<name>.+)-(?P<number>\d+)")  # of the files and folders of an ensemble


def model_files(name: str | Path) -> list[Path]:
    """The files of a model: a path; what a run left in its folder; or what the name of a bundled one means.

    An ensemble is bundled as several files, ``NAME-1``, ``NAME-2``, ...; trained by tools/ensemble.py it is a folder of
    runs, ``member-1``, ``member-2``, ..., of which the finished ones count. Empty where there is no such model.
    """
    path = Path(name)
    if path.is_file():
        return [path]
    if members := [file for run in numbered(path, "member") if (file := run / LAST).is_file()]:
        return members
    if (file := path / LAST).is_file():
        return [file]
    bundled = _bundled_folder() / f"{name}{SUFFIX}"
    return [bundled] if bundled.is_file() else numbered(_bundled_folder(), str(name), SUFFIX)


def model_file(name: str | Path) -> Path | None:
    """The file of a model that is one file; ``None`` where there is no such model."""
    files = model_files(name)
    return files[0] if len(files) == 1 else None


def bundled_models() -> list[str]:
    """The names of the models that come with the package; an ensemble is one name."""
    stems = (path.stem for path in _bundled_folder().glob(f"*{SUFFIX}"))
    return sorted({match["name"] if (match := MEMBER.fullmatch(stem)) else stem for stem in stems})


def numbered(folder: Path, name: str, suffix: str = "") -> list[Path]:
    """``name-1``, ``name-2``, ... of a folder, in the order of their numbers."""
    found = {}
    for path in folder.glob(f"*{suffix}"):
        match = MEMBER.fullmatch(path.name.removesuffix(suffix))
        if match and match["name"] == name:
            found[int(match["number"])] = path
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
