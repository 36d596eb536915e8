"""The members of an ensemble: trained apart, packed to be carried."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue

import torch
import yaml

from detection.build.data_facts import Facts, check_data, data_facts
from detection.build.detector import files_of
from detection.build.experiment import REGIONS
from detection.build.model_file import check_members, read_detector, save_detector, with_settings
from detection.build.run_folder import CONFIG, read_facts
from detection.build.sources import open_sources
from detection.build.training_run import TrainingRun
from detection.build.validation import sample_of
from detection.command_line import counted
from detection.config import Config
from detection.config_file import differences, overrides_of, stored_config
from detection.converters.whole_file import whole_file, whole_path
from detection.inference.models import LAST, LIST, SUFFIX, member_runs
from detection.proposals.store import Report
from detection.runtime import choose_device
from detection.training.finetune import Progress
from detection.training.multibox import MultiBoxProgress

logger = logging.getLogger(__name__)

Told = Callable[[int, Progress | MultiBoxProgress], None]  # of a member's number


@dataclass(frozen=True)
class Members:
    """Runs ``member-1``, ``member-2``, ... of one config in a folder, on one data set.

    They differ in the seed alone, and so in what is sampled, in which order, and in how the new layers begin (paper,
    section 7); convolutions that they shared would gain nothing (SPP-net). Their regions are the same and found once.
    """

    config: Config
    data: str
    store: Path
    out: Path

    def folder(self, number: int) -> Path:
        return self.out / f"member-{number}"

    def config_of(self, number: int) -> Config:
        training = self.config.training
        return self.config.model_copy(
            update={"training": training.model_copy(update={"seed": training.seed + number - 1})}
        )

    def finished(self, number: int, facts: Facts) -> bool:
        """Whether a member is whole; raises ``ValueError`` where its folder holds one of another config or data."""
        folder = self.folder(number)
        if not (folder / CONFIG).is_file():
            return False
        there = stored_config(yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8")), folder / CONFIG)
        then, now = there.model_dump(mode="json"), self.config_of(number).model_dump(mode="json")
        if differing := differences(then, now):
            alone = then | {"detection": now["detection"]} == now
            how = ": leave it as it is; of trained members tools/ensemble.py pack --set changes it" if alone else ""
            raise ValueError(f"{folder} was begun with another config: {differing}{how}")
        check_data(folder, read_facts(folder), facts)
        return (folder / LAST).is_file()

    def train(self, number: int, device: str, report: Report, told: Told) -> Path:
        """Train a member, from where it stopped; gives its model file."""
        folder = self.folder(number)
        self._share_regions(folder)
        run = TrainingRun(self.config_of(number), self.data, folder, self.store, device, report)
        return run.train(resume=(folder / CONFIG).exists(), on_progress=lambda progress: told(number, progress))

    def _share_regions(self, folder: Path) -> None:
        """Copy the regions of another member, whose key tells the experiment whether they are its own too."""
        there = [file for run in member_runs(self.out) if (file := run / REGIONS).is_file()]
        if there and not (folder / REGIONS).exists():
            with whole_path(folder / REGIONS) as part:
                shutil.copy(max(there, key=lambda file: file.stat().st_mtime), part)


def devices_of(names: str) -> list[str]:
    """The devices of ``--devices``: those of a list, or every GPU, or the processor; raises ``ValueError``."""
    every = [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]
    wanted = every if names == "auto" else [name.strip() for name in names.split(",")]
    return [str(choose_device(name)) for name in wanted]


def train_members(members: Members, count: int, devices: Sequence[str], report: Report, told: Told) -> Iterator[Path]:
    """Train the members that are not finished, and give every member's model file as it is there.

    One after another on one device; on several a process each. Raises as :meth:`TrainingRun.train`.
    """
    if members.config.multibox is not None:
        raise ValueError("a config with a section multibox trains what proposes regions: an ensemble classifies")
    sources = open_sources(members.config, members.data, members.store, report)
    facts = {"source": members.data, **data_facts(sources.train, sources.validation)}
    left = [number for number in range(1, count + 1) if not members.finished(number, facts)]
    yield from (members.folder(number) / LAST for number in range(1, count + 1) if number not in left)
    if len(devices) == 1:
        yield from (members.train(number, devices[0], report, told) for number in left)
        return
    sources.proposals(sources.train)  # the processes find them in the store, and those of the photos they validate on
    if sources.validation is not None:
        samples = [sample_of(sources.validation, members.config_of(number).training) for number in left]
        sources.proposals(sources.validation, sorted(set().union(*samples)))
    free: SimpleQueue[str] = SimpleQueue()
    for device in devices:
        free.put(device)
    threads = ThreadPoolExecutor(len(devices))
    try:
        yield from threads.map(lambda number: _in_a_process(members, number, free), left)
    finally:
        threads.shutdown(cancel_futures=True)


def _in_a_process(members: Members, number: int, free: SimpleQueue[str]) -> Path:
    device = free.get()
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            return process.submit(_train_alone, members, number, device).result()
    except Exception as error:  # told now: it is raised when the members that train beside it are done, hours later
        logger.error("%s: %s", members.folder(number), error)
        raise
    finally:
        free.put(device)


def _train_alone(members: Members, number: int, device: str) -> Path:
    return members.train(number, device, lambda *_: None, lambda *_: None)


def pack_models(
    models: Sequence[str | Path], folder: Path, name: str, *, int8: bool, changes: Sequence[str] = ()
) -> list[Path]:
    """Write the models as ``NAME/member-1.safetensors``, ..., and ``NAME.txt``, the list that names them as one model.

    Weights are float16; with ``int8`` those of convolutions take a byte. ``changes`` are made in their settings of
    detection, as :func:`detection.build.detector.load_detector` makes them. A calibration stays where it is of as many
    models, and of the settings. Raises ``ValueError`` where the models do not go together.
    """
    files = [file for model in models for file in files_of(model)]
    read = [read_detector(file) for file in files]
    check_members(read, files)
    (folder / name).mkdir(parents=True, exist_ok=True)
    written = [folder / name / f"member-{number}{SUFFIX}" for number in range(1, len(read) + 1)]
    for model, path in zip(read, written, strict=True):
        changed = with_settings(replace(model, config=model.config.public()), overrides_of("detection", changes))
        fits = changed.calibration is not None and changed.calibration.models == len(read)
        save_detector(path, changed if fits else replace(changed, calibration=None), int8=int8)
        if model is read[0] and model.calibration is not None and not fits:
            of = counted(model.calibration.models, "model")
            logger.warning("left out: the calibration, which is of other settings or of %s: calibrate these anew", of)
    with whole_file(folder / f"{name}{LIST}") as file:
        file.writelines(f"{path.relative_to(folder).as_posix()}\n" for path in written)
    return written
