"""Which of two results on the same images is better, and whether the images are enough to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from detection.evaluation.bootstrap import SAMPLES, Interval, mean_of_classes, resampled
from detection.evaluation.judgement import Judgement, mean_of_defined
from detection.evaluation.result import or_none
from detection.evaluation.tables import Floats


@dataclass(frozen=True, eq=False)
class Comparison:
    """The second result set against the first: differences are the second's AP less the first's.

    ``ahead`` is the share of resamples in which the second has the higher mean AP, a draw counting half; ``classes``
    the difference of each class. ILSVRC's prize went by classes won: ``won`` counts those in which each is ahead.
    """

    names: tuple[str, str]
    difference: Interval
    ahead: float
    classes: Mapping[str, Interval]
    won: tuple[int, int]
    images: int

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out a difference of 0."""
        return self.difference.low > 0 or self.difference.high < 0

    @property
    def verdict(self) -> str:
        """One sentence."""
        value, low, high = (100 * number for number in vars(self.difference).values())
        if np.isnan(value) or np.isnan(low):
            return "no class has an object in both results: nothing can be compared"
        figures = f"{value:+.1f} points [{low:.1f}, {high:.1f}]"
        first, second = self.names
        if not self.told_apart:
            known = f"no difference can be told from {self.images} images"
            return f"{known}: {second} {figures}, ahead in {_percent(self.ahead)} of resamples"
        if low > 0:
            return f"{second} is better: {figures}; {_percent(self.ahead)} of resamples"
        figures = f"{-value:+.1f} points [{-high:.1f}, {-low:.1f}]"
        return f"{first} is better: {figures}; {_percent(1 - self.ahead)} of resamples"

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "first": self.names[0],
            "second": self.names[1],
            "verdict": self.verdict,
            "difference": self.difference.summary(),
            "ahead": or_none(self.ahead),
            "won": dict(zip(self.names, self.won, strict=True)),
            "classes": {name: interval.summary() for name, interval in self.classes.items()},
        }


def compare(
    first: Judgement,
    second: Judgement,
    images: int,
    *,
    names: tuple[str, str] = ("A", "B"),
    samples: int = SAMPLES,
    seed: int = 0,
) -> Comparison:
    """Two results under one protocol on the same ``images``: the paired bootstrap, which draws images for both at once.

    Raises ``ValueError`` where protocol, classes or objects are not the same.
    """
    _check_comparable(first, second, names)
    before, after = (
        Measured(one.average_precisions, resampled(one, images, samples=samples, seed=seed)) for one in (first, second)
    )
    return compared(before, after, first.class_names, images, names)


class Measured(NamedTuple):
    """Every class's AP, (K,), and the same in resamples of the images, (K, B)."""

    average_precisions: Floats
    resamples: Floats

    @property
    def mean_ap(self) -> float:
        return mean_of_defined(self.average_precisions)


def compared(
    first: Measured, second: Measured, class_names: Sequence[str], images: int, names: tuple[str, str]
) -> Comparison:
    """The comparison of what was measured in the same resamples of the same ``images``."""
    each = second.resamples - first.resamples
    value = second.average_precisions - first.average_precisions
    mean = mean_of_classes(second.resamples) - mean_of_classes(first.resamples)
    defined = mean[~np.isnan(mean)]
    ahead = float(np.mean(0.5 * (defined > 0) + 0.5 * (defined >= 0))) if len(defined) else float("nan")
    return Comparison(
        names,
        Interval.of(second.mean_ap - first.mean_ap, mean),
        ahead,
        {name: Interval.of(value[label], each[label]) for label, name in enumerate(class_names)},
        (int((value < 0).sum()), int((value > 0).sum())),
        images,
    )


def _percent(share: float) -> str:
    """Whole percents, without calling all what is not all."""
    return f"{min(max(round(100 * share), 1), 99) if 0 < share < 1 else 100 * share:.0f}%"


def _check_comparable(first: Judgement, second: Judgement, names: tuple[str, str]) -> None:
    problem = None
    if first.rules != second.rules:
        problem = f"one is judged by {first.rules.name}, the other by {second.rules.name}"
    elif first.class_names != second.class_names:
        problem = f"their classes differ ({len(first.class_names)} and {len(second.class_names)})"
    elif not _same_objects(first, second):
        problem = f"the objects to find differ ({first.sought.sum()} and {second.sought.sum()})"
    if problem:
        raise ValueError(f"{names[0]} and {names[1]} cannot be compared: {problem}")


def _same_objects(first: Judgement, second: Judgement) -> bool:
    one, other = (judgement.objects[judgement.sought] for judgement in (first, second))
    return all(np.array_equal(vars(one)[name], vars(other)[name]) for name in ("images", "labels", "boxes"))
