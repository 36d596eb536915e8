"""Which file the name of a model stands for; nothing here opens it, so that nothing here needs torch."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

BUNDLED = "voc5"
SUFFIX = ".safetensors"


def model_file(name: str | Path) -> Path | None:
    """The file of a model: a path, or the name of a bundled one; ``None`` where there is neither."""
    candidates = (Path(name), _bundled_folder() / f"{name}{SUFFIX}")
    return next((path for path in candidates if path.is_file()), None)


def bundled_models() -> list[str]:
    """The names of the models that come with the package."""
    return sorted(path.stem for path in _bundled_folder().glob(f"*{SUFFIX}"))


def fingerprint(name: str) -> str:
    """What tells a model from another: its file's name and what is in it; its own name where there is no file."""
    path = model_file(name)
    if path is None:
        return name
    with path.open("rb") as file:
        return f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"


def _bundled_folder() -> Path:
    return Path(str(resources.files("detection"))) / "models"
