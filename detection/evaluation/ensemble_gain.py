"""What averaging several networks gains: the paper's step from 40% to 43.9% (section 8), as a table with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detection.evaluation.bootstrap import SAMPLES, resampled
from detection.evaluation.comparison import Comparison, compared
from detection.evaluation.judgement import Judgement
from detection.evaluation.result import or_none


@dataclass(frozen=True, eq=False)
class EnsembleRow:
    """One result: ``kind`` is "single", "averaged" or "left out", after what its name names.

    ``gain`` sets it against the best single result, or, where a member is left out, against all averaged; ``None`` in
    the row that the others are set against. Its ``classes`` are the gain of every class.
    """

    kind: str
    name: str
    mean_ap: float
    gain: Comparison | None

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        gain = None if self.gain is None else self.gain.summary()
        return {"kind": self.kind, "name": self.name, "mean_ap": or_none(self.mean_ap), "gain": gain}


def ensemble_gain(
    single: Mapping[str, Judgement],
    averaged: Mapping[int, Judgement],
    left_out: Mapping[str, Judgement],
    images: int,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> tuple[EnsembleRow, ...]:
    """A row for every member alone, for 2, 3, ... averaged and for all but one, all judged on the same objects.

    ``averaged`` is by how many, ``left_out`` by the member that is missing. Raises ``ValueError`` without a single
    result, and where members are left out of nothing.
    """
    if not single:
        raise ValueError("no single result to set an ensemble against")
    if left_out and not averaged:
        raise ValueError(f"{next(iter(left_out))} is left out, but of no averaged result")
    best = max(single, key=lambda name: single[name].mean_ap)
    groups = {
        "single": single,
        "averaged": {str(count): averaged[count] for count in sorted(averaged)},
        "left out": left_out,
    }
    each = {
        (kind, name): (judgement, resampled(judgement, images, samples=samples, seed=seed))
        for kind, group in groups.items()
        for name, judgement in group.items()
    }
    rows = []
    for (kind, name), (judgement, values) in each.items():
        against = ("averaged", str(max(averaged))) if kind == "left out" else ("single", best)
        gain = None
        if (kind, name) != against:
            base, base_values = each[against]
            gain = compared(base, judgement, base_values, values, images, (" ".join(against), f"{kind} {name}"))
        rows.append(EnsembleRow(kind, name, judgement.mean_ap, gain))
    return tuple(rows)
