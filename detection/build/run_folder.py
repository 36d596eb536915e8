"""The folder of a fine-tuning: what was run in it, and whether that is the run to go on with."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
import yaml
from pydantic import BaseModel

from detection.build.data_facts import DATA, Facts, check_data, data_facts
from detection.command_line import installed_version
from detection.config import Config
from detection.config_file import differences
from detection.converters.locked_folder import locked_folder
from detection.converters.whole_file import whole_file
from detection.datasets.base import Dataset
from detection.training.learner import CHECKPOINT
from detection.training.metrics import METRICS
from detection.training.replay import TRACE, digest

CONFIG = "config.yaml"
MANIFEST = "manifest.json"
BEST, LAST, RESCUED = "best", "last", "rescued"  # models; the last one is of a training that its loss ended
LIBRARIES = (
    "googlenet-rcnn",
    "torch",
    "torchvision",
    "numpy",
    "numba",
    "scipy",
    "opencv-python",
    "opencv-python-headless",  # the same module in two packages; the one installed last is the one that runs
    "albumentations",
    "pillow",
)

logger = logging.getLogger(__name__)


@contextmanager
def claimed_run(folder: Path, config: BaseModel, *, resume: bool) -> Iterator[None]:
    """The folder of a run for this process alone; raises as :func:`check_run`, and ``FolderInUseError``."""
    if resume or not folder.is_dir():
        check_run(folder, config, resume=resume)  # which leaves no empty folder behind
    with locked_folder(folder):
        check_run(folder, config, resume=resume)
        yield


def check_run(folder: Path, config: BaseModel, *, resume: bool) -> None:
    """Refuse a folder that holds another run, or none where one is to be resumed.

    A run that ended before its first step, of bad input say, may be begun anew with other settings: its manifest goes.
    Raises ``ValueError``, ``FileNotFoundError`` and ``NotADirectoryError``.
    """
    file = folder / CONFIG
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; a run needs a folder")
    if resume and not file.exists():
        raise FileNotFoundError(f"no run in {folder} to resume: leave --resume out to begin one")
    if not resume:
        if any((folder / name).exists() for name in (CHECKPOINT, METRICS, TRACE)):
            raise ValueError(f"{folder} holds a run already: --resume goes on with it; or choose another --out")
        (folder / MANIFEST).unlink(missing_ok=True)
    elif file.read_text(encoding="utf-8") != _config_text(config):
        differing = differences(yaml.safe_load(file.read_text(encoding="utf-8")), config.model_dump(mode="json"))
        raise ValueError(f"{folder} was begun with another config ({differing}): choose another --out")


def begin_run(folder: Path, config: BaseModel, facts: Facts) -> None:
    """Write config.yaml and manifest.json, by rename; a run that was begun with other photos or boxes is refused.

    The manifest of a run that goes on stays; what has changed since is added to it under "later".
    """
    if before := read_facts(folder):
        check_data(folder, before, facts)
        if facts.get("deterministic") and before["processes"] != facts["processes"]:
            raise ValueError(
                f"{folder} was begun with {before['processes']} processes, and training.deterministic is set: "
                f"with {facts['processes']} its bits would be others"
            )
        if changes := {name: now for name, (_, now) in changed_facts(before, facts).items()}:
            logger.warning("%s was begun with other %s: its bits may differ", folder, ", ".join(changes))
            before["later"] = [*before.get("later", []), changes]
    manifest = json.dumps(before or facts, indent=2) + "\n"
    for name, text in ((MANIFEST, manifest), (CONFIG, _config_text(config))):
        with whole_file(folder / name) as file:
            file.write(text)


def changed_facts(before: Facts, facts: Facts) -> dict[str, tuple[object, object]]:
    """What bits may depend on and is not as it was, in the end, when a run was trained: then and now."""
    then, now = ({**one, **one.get("versions", {})} for one in (before, facts))
    for later in before.get("later", []):
        then |= later
    names = [name for name in now if name not in ("source", "versions", *DATA)]  # other data are refused
    return {name: (then.get(name), now[name]) for name in names if then.get(name) != now[name]}


def read_facts(folder: Path) -> Facts:
    """What :func:`begin_run` wrote of a run; nothing where it wrote nothing."""
    file = folder / MANIFEST
    facts: Facts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return facts


def public_facts(folder: Path) -> Facts:
    """Those that travel with a model: where its photos lay is nobody's business."""
    return {name: fact for name, fact in read_facts(folder).items() if name != "source"}


def facts_of_run(
    train: Dataset,
    config: Config,
    validation: Dataset | None = None,
    *,
    source: str,
    device: torch.device,
    processes: int = 1,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> Facts:
    """What a run depends on: machine, config, photos (``source``: where they lie), the ``weights`` it starts from."""
    return {
        **facts_of_machine(device, processes),
        "config": hashlib.sha256(_config_text(config).encode()).hexdigest()[:16],
        "source": source,
        **data_facts(train, validation),
        "weights": digest([weights or {}]),
        "seed": config.training.seed,
        "deterministic": config.training.deterministic,
    }


def facts_of_machine(device: torch.device, processes: int = 1) -> Facts:
    """What runs a training: code, device, processes and the threads of each, libraries."""
    return {
        "revision": _revision(),
        "sources": sources_hash(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cuda": f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if device.type == "cuda" else None,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: installed for name in LIBRARIES if (installed := installed_version(name))},
    }


def sources_hash() -> str:
    """What tells a state of this program from another, committed or not (16 hexadecimal digits)."""
    root = Path(__file__).resolve().parents[2]
    total = hashlib.sha256()
    for file in sorted(file for package in ("backbone", "detection") for file in (root / package).rglob("*.py")):
        total.update(file.relative_to(root).as_posix().encode())
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def _config_text(config: BaseModel) -> str:
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
