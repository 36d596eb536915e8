"""Trainings from a config and a data set's address, alone or under torchrun: begun, gone on with, and replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import torch

from detection.build.data_facts import Facts, check_data
from detection.build.experiment import REGIONS, Experiment
from detection.build.multibox_experiment import MultiBoxExperiment
from detection.build.run_folder import (
    CONFIG,
    MANIFEST,
    begin_run,
    changed_facts,
    claimed_run,
    facts_of_run,
    read_facts,
)
from detection.build.sources import open_sources, write_lists
from detection.config import Config
from detection.proposals.store import Report
from detection.runtime import choose_device, make_deterministic
from detection.training.distributed import Processes, joined, was_restarted
from detection.training.finetune import Progress
from detection.training.multibox import MultiBoxProgress
from detection.training.replay import Difference, first_difference, read_trace

OnProgress = Callable[[Progress | MultiBoxProgress], None]


@dataclass(frozen=True)
class TrainingRun:
    """A training in ``folder``, of the photos at the address ``data``, whose proposals are kept in ``store``."""

    config: Config
    data: str
    folder: Path
    store: Path
    device: str
    report: Report

    def train(self, *, resume: bool, on_progress: OnProgress) -> Path:
        """Train, and give the path of the model; a run that torchrun started again goes on by itself."""
        resume = resume or (was_restarted() and (self.folder / CONFIG).exists())
        with joined(choose_device(self.device)) as (processes, device):
            claim = claimed_run(self.folder, self.config, resume=resume) if processes.first else nullcontext()
            with claim, self._experiment(processes, device) as experiment:
                if processes.first:
                    begin_run(self.folder, self.config, self._facts(experiment))
                    write_lists(self.folder, experiment.sources.lists)
                return experiment.run(resume=resume, on_progress=on_progress)

    @contextmanager
    def _experiment(self, processes: Processes, device: torch.device) -> Iterator[Experiment | MultiBoxExperiment]:
        if self.config.training.deterministic:  # as many threads as it was begun with
            make_deterministic(int(read_facts(self.folder).get("threads", torch.get_num_threads())))
        sources = open_sources(self.config, self.data, self.store, self.report, processes)
        kind = Experiment if self.config.multibox is None else MultiBoxExperiment
        try:
            yield kind(self.config, sources, self.folder, device, self.report, processes)
        finally:  # what else this process computes need not be
            torch.use_deterministic_algorithms(False)

    def _facts(self, experiment: Experiment | MultiBoxExperiment) -> Facts:
        return facts_of_run(
            experiment.sources.train,
            self.config,
            experiment.sources.validation,
            source=self.data,
            device=experiment.device,
            processes=experiment.place.processes.count,
            weights=experiment.backbone.network.state_dict(),
        )


@dataclass(frozen=True)
class Verdict:
    """What a replay of a run's first ``steps`` steps showed; ``changes`` are what it was made with, and is now."""

    steps: int
    difference: Difference | None
    changes: dict[str, tuple[object, object]]


def verify_run(run: TrainingRun, steps: int, on_progress: OnProgress) -> Verdict | None:
    """Replay the first steps of a run in a folder of their own, from the regions that it was trained on.

    Of several processes the first one judges; ``None`` in the others.
    Raises ``FileNotFoundError`` where there is no run to replay, and ``ValueError`` where the photos are others.
    """
    theirs = read_trace(run.folder)
    with TemporaryDirectory() as temporary:
        here = replace(run, folder=Path(temporary))
        for name in (REGIONS, MANIFEST):
            if (run.folder / name).exists():
                copyfile(run.folder / name, here.folder / name)
        with (
            joined(choose_device(run.device)) as (processes, device),
            here._experiment(processes, device) as experiment,
        ):
            facts, before = here._facts(experiment), read_facts(run.folder)
            check_data(run.folder, before, facts)
            experiment.replay(min(steps, len(theirs)), on_progress)
            if not processes.first:  # which alone keeps a trace
                return None
            ours = read_trace(here.folder)
            return Verdict(len(ours), first_difference(ours, theirs), changed_facts(before, facts))
