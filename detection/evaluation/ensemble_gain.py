"""What averaging several networks gains: the paper's step from 40% to 43.9% (section 8), as a table with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.bootstrap import SAMPLES, resampled
from detection.evaluation.comparison import Comparison, Measured, compared
from detection.evaluation.judgement import Judgement
from detection.evaluation.result import or_none

Subset = tuple[str, ...]  # the members that were averaged, by name


@dataclass(frozen=True, eq=False)
class EnsembleRow:
    """One result: ``kind`` is "single", "averaged" or "left out"; ``name`` a member, or how many members.

    What is averaged stands for every choice of so many members: ``choices`` of them, of whose figures it has the mean.
    ``gain`` sets a row against the mean single model, or, where a member is left out, against all averaged; ``None`` in
    the row that the others are set against. Its ``classes`` are the gain of every class.
    """

    kind: str
    name: str
    mean_ap: float
    choices: int
    gain: Comparison | None

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        gain = None if self.gain is None else self.gain.summary()
        return {**vars(self), "mean_ap": or_none(self.mean_ap), "gain": gain}


def ensemble_gain(
    judged: Mapping[Subset, Judgement], images: int, *, samples: int = SAMPLES, seed: int = 0
) -> tuple[EnsembleRow, ...]:
    """A row for each member, for 1, 2, ... averaged, and for all but one, from results on the same objects.

    The single models lie close together and the best of them is the best by luck too: gains are over their mean. Raises
    ``ValueError`` where no result is of a single member.
    """
    if not any(len(subset) == 1 for subset in judged):
        raise ValueError("no single result to set an ensemble against")
    class_names = next(iter(judged.values())).class_names
    measured = {
        subset: Measured(judgement.average_precisions, resampled(judgement, images, samples=samples, seed=seed))
        for subset, judgement in judged.items()
    }
    by_count: dict[int, list[Measured]] = {}
    for subset in sorted(measured, key=len):
        by_count.setdefault(len(subset), []).append(measured[subset])
    means = {count: _mean(each) for count, each in by_count.items()}
    everyone = max(judged, key=len)

    def row(kind: str, name: str, of: Measured, against: tuple[str, Measured], choices: int = 1) -> EnsembleRow:
        base, other = against
        gain = None if of is other else compared(other, of, class_names, images, (base, f"{kind} {name}"))
        return EnsembleRow(kind, name, of.mean_ap, choices, gain)

    single, whole = ("the mean single model", means[1]), (f"all {len(everyone)}", measured[everyone])
    rows = [row("single", subset[0], one, single) for subset, one in measured.items() if len(subset) == 1]
    rows += [row("averaged", str(count), mean, single, len(by_count[count])) for count, mean in means.items()]
    if len(everyone) > 2:
        for member in everyone:
            rest = tuple(name for name in everyone if name != member)
            rows += [row("left out", member, measured[rest], whole)] if rest in measured else []
    return tuple(rows)


def _mean(each: list[Measured]) -> Measured:
    """The mean of several results, class by class; a single one as it is."""
    if len(each) == 1:
        return each[0]
    return Measured(*(np.mean(column, axis=0) for column in zip(*each, strict=True)))
