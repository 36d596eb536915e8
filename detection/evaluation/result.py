"""What a protocol answers: figures and curves of every class, and their mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from detection.evaluation.tables import Floats


@dataclass(frozen=True, eq=False)
class ClassResult:
    """One class: ``recall`` (N,) and ``precision`` (N,) after each of its detections, by falling score.

    ``ap`` is ``nan`` where ``positives``, the number of objects to find, is 0; so is a precision of 0/0.
    """

    ap: float
    positives: int
    recall: Floats
    precision: Floats

    @property
    def detections(self) -> int:
        return len(self.recall)

    def summary(self) -> dict[str, float | int | None]:
        """What JSON can hold: recall and precision after the last detection, ``None`` for what is undefined."""
        recall = float(self.recall[-1]) if self.detections else (0.0 if self.positives else float("nan"))
        precision = float(self.precision[-1]) if self.detections else float("nan")
        counts = {"positives": self.positives, "detections": self.detections}
        return {"ap": _or_none(self.ap), **counts, "recall": _or_none(recall), "precision": _or_none(precision)}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The classes of a data set under the protocol of this name; classes without objects are not in the mean."""

    protocol: str
    classes: Mapping[str, ClassResult]

    @property
    def classes_in_mean(self) -> int:
        return len(self._defined())

    @property
    def mean_ap(self) -> float:
        """``nan`` where no class has an object."""
        return float(np.mean(self._defined())) if self._defined() else float("nan")

    @property
    def median_ap(self) -> float:
        """``nan`` where no class has an object."""
        return float(np.median(self._defined())) if self._defined() else float("nan")

    def only(self, class_names: Iterable[str]) -> Evaluation:
        """The same for some of the classes, in this order."""
        return Evaluation(self.protocol, {name: self.classes[name] for name in class_names})

    def summary(self) -> dict[str, float | int | dict[str, dict[str, float | int | None]] | None]:
        """What JSON can hold, ``None`` for what is undefined."""
        return {
            "mean_ap": _or_none(self.mean_ap),
            "median_ap": _or_none(self.median_ap),
            "classes_in_mean": self.classes_in_mean,
            "classes": {name: result.summary() for name, result in self.classes.items()},
        }

    def _defined(self) -> list[float]:
        return [result.ap for result in self.classes.values() if result.positives > 0]


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
