"""What averaging models gains, from runs of ``tools/infer.py`` on the same photos: which run is what, and the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from detection.command_line import printable, table
from detection.evaluation.ensemble_gain import EnsembleRow, ensemble_gain
from detection.evaluation.judgement import Judgement

PAPER = "the paper, six models on ILSVRC 2014: 40% to 43.9% (section 8)"


@dataclass(frozen=True)
class Run:
    """A run's folder, and the models that were averaged in it."""

    folder: Path
    models: frozenset[str]


@dataclass(frozen=True)
class Runs:
    """Runs by what they show: members alone, so many averaged, and all but one."""

    single: Mapping[str, Run]
    averaged: Mapping[int, Run]
    left_out: Mapping[str, Run]

    def gains(self, judge: Callable[[Path], Judgement], images: int, seed: int = 0) -> tuple[EnsembleRow, ...]:
        """The rows of the report; ``judge`` gives the verdicts on a run, and each run is judged once."""
        runs = {id(run): run for group in (self.single, self.averaged, self.left_out) for run in group.values()}
        judged = {key: judge(run.folder) for key, run in runs.items()}
        single, left_out = (
            {name: judged[id(run)] for name, run in group.items()} for group in (self.single, self.left_out)
        )
        averaged = {count: judged[id(run)] for count, run in self.averaged.items()}
        return ensemble_gain(single, averaged, left_out, images, seed=seed)


def read_run(folder: Path) -> Run:
    """A run and its models; raises ``ValueError`` for a folder that is not one of ``tools/infer.py``."""
    file = folder / "run.json"
    try:
        models = json.loads(file.read_text(encoding="utf-8"))["settings"]["model"]
    except (OSError, ValueError, LookupError, TypeError):
        raise ValueError(f"{folder}: not a run of tools/infer.py (its run.json cannot be read)") from None
    return Run(folder, frozenset(map(str, models)))


def runs_of(folders: Sequence[Path]) -> Runs:
    """What each run shows; of several runs with as many models the first given stands for their number.

    Raises ``ValueError`` for a run that fits into no row, two runs of the same models, and where no model is alone.
    """
    runs = [read_run(folder) for folder in folders]
    members = max((run.models for run in runs), key=len, default=frozenset[str]())
    if len(members) == 1:  # nothing was averaged: the single models are compared
        members = members.union(*(run.models for run in runs))
    seen: dict[frozenset[str], Path] = {}
    for run in runs:
        if not run.models <= members:
            strange = ", ".join(sorted(run.models - members))
            raise ValueError(f"{run.folder}: {strange} is not among the {len(members)} models of the largest run")
        if run.models in seen:
            raise ValueError(f"{run.folder} and {seen[run.models]} are runs of the same models")
        seen[run.models] = run.folder
    names = _names(members)
    averaged: dict[int, Run] = {}
    for run in runs:
        if len(run.models) > 1:
            averaged.setdefault(len(run.models), run)
    single = {names[model]: run for run in runs if len(run.models) == 1 for model in run.models}
    if not single:
        raise ValueError("no run of a single model is among them: there is nothing to set the average against")
    left_out = [(members - run.models, run) for run in runs if len(run.models) == len(members) - 1 > 1]
    return Runs(single, averaged, {names[model]: run for models, run in left_out for model in models})


def ensemble_table(rows: Sequence[EnsembleRow]) -> Table:
    """Mean AP of every row, what it gains, and in which classes most and least."""
    shown = table("", "mean AP", "points gained", "95% interval", "ahead in resamples")
    for name in ("against", "gains most in", "least in"):
        shown.add_column(name)
    for row in rows:
        name, gain = printable(f"{row.kind} {row.name}"), row.gain
        if gain is None:
            shown.add_row(name, f"{row.mean_ap:.4f}")
            continue
        points, low, high = (100 * number for number in vars(gain.difference).values())
        classes = sorted(gain.classes, key=lambda label: -np.nan_to_num(gain.classes[label].value))
        ends = [f"{printable(label)} {100 * gain.classes[label].value:+.1f}" for label in (classes[0], classes[-1])]
        interval, ahead = f"{low:.1f} to {high:.1f}", f"{gain.ahead:.0%}"
        shown.add_row(name, f"{row.mean_ap:.4f}", f"{points:+.1f}", interval, ahead, printable(gain.names[0]), *ends)
    return shown


def _names(models: frozenset[str]) -> dict[str, str]:
    """Short names: that of the file, unless two files have the same."""
    stems = {model: model.split(" ")[0].removesuffix(".safetensors") for model in models}
    unique = len(set(stems.values())) == len(models)
    return stems if unique else {model: model for model in models}
