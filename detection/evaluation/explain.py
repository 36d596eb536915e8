"""Why two protocols answer differently: which detections change their status, by which rule, and what it is worth.

The rules of the first protocol become those of the second one at a time, in the order of :data:`REASONS`. A detection's
reason is the step on which it gets the status that it has in the end: so each that changes has exactly one, and those
that another lost its object to have the reason of the other. The mean average precision is measured after every step;
what the steps add to it is the whole difference. Another order would share it out a little differently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detection.evaluation.judgement import Judgement, judge
from detection.evaluation.matching import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE
from detection.evaluation.result import or_none
from detection.evaluation.tables import Integers

STATUS = {TRUE_POSITIVE: "right", FALSE_POSITIVE: "wrong", IGNORED: "not counted"}
REASONS = {
    "difficult": "objects that need not be found are others",
    "blacklist": "the class is not counted in this image",
    "ignored object": "COCO takes ignored objects last, once, and crowds by the part of the detection inside",
    "small object": "the overlap that a small object asks for",
    "taken object": "the object overlapped most is taken: another that is free may be had, or not",
    "ties": "the order of equal scores",
    "cap": "only the best detections of an image and class count",
    "formula": "how average precision is read off the same curve",
}


@dataclass(frozen=True)
class Step:
    """One rule put in place after those before it: how many detections it decides, and what it adds to mean AP.

    ``changes`` counts them by their status before and after, under the two protocols.
    """

    reason: str
    changes: dict[tuple[str, str], int]
    gain: float

    @property
    def changed(self) -> int:
        return sum(self.changes.values())


@dataclass(frozen=True)
class Change:
    """A detection with another status under the second protocol; ``image`` is its position in the data set."""

    image: int
    class_name: str
    score: float
    box: tuple[float, ...]
    before: str
    after: str
    reason: str


@dataclass(frozen=True, eq=False)
class Explanation:
    """From ``first`` to ``second``: ``steps``, and which detections changed.

    ``rows`` (C,) of the detection table, by falling score; ``reasons`` (C,): the number of the step that decides.
    """

    first: Judgement
    second: Judgement
    steps: tuple[Step, ...]
    rows: Integers
    reasons: Integers

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def difference(self) -> float:
        """Mean AP under the second less that under the first protocol."""
        return self.second.mean_ap - self.first.mean_ap

    def changes(self, reason: str | None = None, most: int | None = None) -> Iterator[Change]:
        """By falling score: all, those of one reason, the first ``most``."""
        numbers = {step.reason: number for number, step in enumerate(self.steps)}
        of_reason = self.reasons >= 0 if reason is None else self.reasons == numbers.get(reason, -1)
        for place in np.flatnonzero(of_reason)[:most].tolist():
            yield self._change(int(self.rows[place]), self.steps[self.reasons[place]].reason)

    def summary(self, examples: int = 5) -> dict[str, Any]:
        """What JSON can hold: totals by reason, and some examples of each."""
        return {
            "first": self.first.rules.name,
            "second": self.second.rules.name,
            "difference": or_none(self.difference),
            "changed": len(self),
            "steps": [
                {
                    "reason": step.reason,
                    "meaning": REASONS[step.reason],
                    "changed": step.changed,
                    "changes": {f"{before} -> {after}": count for (before, after), count in step.changes.items()},
                    "gain": or_none(step.gain),
                    "examples": [vars(change) for change in self.changes(step.reason, examples)],
                }
                for step in self.steps
            ],
        }

    def _change(self, row: int, reason: str) -> Change:
        found = self.first.detections
        before, after = (STATUS[int(judgement.verdicts[row])] for judgement in (self.first, self.second))
        box = tuple(found.boxes[row].tolist())
        name = self.first.class_names[found.labels[row]]
        return Change(int(found.images[row]), name, float(found.scores[row]), box, before, after, reason)


def explain(first: Judgement, second: Judgement) -> Explanation:
    """The way from one protocol to another on the same detections; raises ``ValueError`` where they are others."""
    _check_same(first, second)
    judgements, reasons = [first], []
    for reason, turn in _TURNS.items():
        after = turn(judgements[-1], second)
        if after is not None:
            judgements.append(after)
            reasons.append(reason)
    verdicts = np.stack([judgement.verdicts for judgement in judgements])  # (S + 1, N)
    rows = first.ranking[verdicts[0, first.ranking] != verdicts[-1, first.ranking]]
    unlike = verdicts[:, rows] != verdicts[-1, rows]  # the last step that begins with another status decides
    decided = len(reasons) - 1 - np.argmax(unlike[:-1][::-1], axis=0) if reasons else np.zeros(0, np.int64)
    means = [judgement.mean_ap for judgement in judgements]
    steps = []
    for number, reason in enumerate(reasons):
        mine = rows[decided == number]
        kinds = Counter(zip(first.verdicts[mine].tolist(), second.verdicts[mine].tolist(), strict=True))
        changes = {(STATUS[before], STATUS[after]): count for (before, after), count in sorted(kinds.items())}
        steps.append(Step(reason, changes, means[number + 1] - means[number]))
    return Explanation(first, second, tuple(steps), rows, decided)


def _again(judgement: Judgement, **other: Any) -> Judgement:
    """The same detections judged with something else."""
    names = ("rules", "detections", "objects", "class_names", "blacklist", "crowd", "most")
    return judge(**{**{name: getattr(judgement, name) for name in names}, **other})


def _rule(name: str) -> Callable[[Judgement, Judgement], Judgement | None]:
    """Takes one field of the rules from the second protocol; ``None`` where it is the same."""

    def turn(now: Judgement, then: Judgement) -> Judgement | None:
        value = getattr(then.rules, name)
        return None if value == getattr(now.rules, name) else _again(now, rules=replace(now.rules, **{name: value}))

    return turn


def _option(name: str) -> Callable[[Judgement, Judgement], Judgement | None]:
    """Takes one argument of :func:`judge` from the second protocol; ``None`` where it is the same."""

    def turn(now: Judgement, then: Judgement) -> Judgement | None:
        value = getattr(then, name)
        return None if np.array_equal(value, getattr(now, name)) else _again(now, **{name: value})

    return turn


def _difficult(now: Judgement, then: Judgement) -> Judgement | None:
    same = np.array_equal(now.objects.ignored, then.objects.ignored)
    return None if same else _again(now, objects=then.objects)


_TURNS: dict[str, Callable[[Judgement, Judgement], Judgement | None]] = {
    "difficult": _difficult,
    "blacklist": _option("blacklist"),
    "ignored object": _option("crowd"),
    "small object": _rule("bars"),
    "taken object": _rule("best_free"),
    "ties": _rule("ties_by_image"),
    "cap": _option("most"),
    "formula": _rule("average_precision"),
}


def _check_same(first: Judgement, second: Judgement) -> None:
    """Raise ``ValueError`` unless detections, objects and classes are the same."""
    found, others = vars(first.detections), vars(second.detections)
    known, other_known = ({**vars(one.objects), "ignored": 0} for one in (first, second))
    same = {
        "classes": first.class_names == second.class_names,
        "detections": all(np.array_equal(found[name], others[name]) for name in found),
        "objects": all(np.array_equal(known[name], other_known[name]) for name in known),
    }
    for what in [name for name, equal in same.items() if not equal]:
        raise ValueError(f"{first.rules.name} and {second.rules.name} cannot be compared: they judged other {what}")
