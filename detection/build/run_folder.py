"""The folder of a fine-tuning: what was run in it, and whether that is the run to go on with."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from pathlib import Path

import torch
import yaml

from detection.command_line import installed_version
from detection.config import Config
from detection.datasets.base import Dataset

CONFIG = "config.yaml"
MANIFEST = "manifest.json"
LIBRARIES = ("googlenet-rcnn", "torch", "torchvision", "numpy", "opencv-python-headless", "albumentations", "pillow")

Facts = dict[str, object]  # JSON


def check_run(folder: Path, config: Config, *, resume: bool) -> None:
    """Refuse a folder that holds another run, or none where one is to be resumed; nothing is written.

    Raises ``ValueError``, ``FileNotFoundError`` and ``NotADirectoryError``.
    """
    file = folder / CONFIG
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; a run needs a folder")
    if resume and not file.exists():
        raise FileNotFoundError(f"no run in {folder} to resume: leave --resume out to begin one")
    if file.exists() and not resume:
        raise ValueError(f"{folder} holds a run already: --resume goes on with it; or choose another --out")
    if resume and file.read_text(encoding="utf-8") != _config_text(config):
        raise ValueError(f"{folder} was begun with another config, the one in {file}: choose another --out")


def begin_run(folder: Path, config: Config, facts: Facts) -> None:
    """Write config.yaml and manifest.json, by rename; a run that was begun with other photos or boxes is refused."""
    before = read_facts(folder)
    if before.get("data", facts["data"]) != facts["data"]:
        raise ValueError(
            f"{folder} was begun with other photos or annotations than those of {facts['source']} "
            f"({before['photos']} photos then, {facts['photos']} now): choose another --out"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((MANIFEST, json.dumps(facts, indent=2) + "\n"), (CONFIG, _config_text(config))):
        temporary = folder / f".{name}.part"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / name)


def read_facts(folder: Path) -> Facts:
    """What :func:`begin_run` wrote of a run; nothing where it wrote nothing."""
    file = folder / MANIFEST
    facts: Facts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return facts


def facts_of_run(train: Dataset, config: Config, *, source: str, device: torch.device) -> Facts:
    """What a run depends on besides its config: code, photos (``source`` says where they lie), libraries, machine."""
    return {
        "revision": _revision(),
        "source": source,
        "data": data_hash(train),
        "photos": len(train),
        "seed": config.training.seed,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: installed for name in LIBRARIES if (installed := installed_version(name))},
    }


def data_hash(dataset: Dataset) -> str:
    """What tells one training set from another: ids, classes and boxes, not pixels (16 hexadecimal digits)."""
    digest = hashlib.sha256("\n".join(dataset.class_names).encode())
    for index, image_id in enumerate(dataset.ids):
        target = dataset.target(index)
        digest.update(image_id.encode())
        digest.update(target.boxes.tobytes())
        digest.update(target.labels.tobytes())
    return digest.hexdigest()[:16]


def _config_text(config: Config) -> str:
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _revision() -> str | None:
    """The commit of the checkout that this file lies in; ``None`` for an installed copy, or without git."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
