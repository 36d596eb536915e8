"""What a protocol answers: figures and curves of every class, and their mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from detection.evaluation.tables import Floats


@dataclass(frozen=True, eq=False)
class ClassResult:
    """One class: ``recall`` (N,) and ``precision`` (N,) after each of its detections, by falling score.

    ``ap`` is ``nan`` where ``positives``, the number of objects to find, is 0; so is a precision of 0/0. ``figures``
    are the protocol's other numbers by their usual names, ``nan`` where undefined (COCO's twelve).
    """

    ap: float
    positives: int
    recall: Floats
    precision: Floats
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def detections(self) -> int:
        return len(self.recall)

    def summary(self) -> dict[str, float | int | None]:
        """What JSON can hold: recall and precision after the last detection, ``None`` for what is undefined."""
        recall = float(self.recall[-1]) if self.detections else (0.0 if self.positives else float("nan"))
        precision = float(self.precision[-1]) if self.detections else float("nan")
        counts = {"positives": self.positives, "detections": self.detections}
        return {"ap": or_none(self.ap), **counts, "recall": or_none(recall), "precision": or_none(precision)}


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

    @property
    def figures(self) -> dict[str, float]:
        """The means of the classes' ``figures``, each over the classes in which it is defined."""
        names = dict.fromkeys(name for result in self.classes.values() for name in result.figures)
        each = {name: [result.figures[name] for result in self.classes.values()] for name in names}
        defined = {name: [value for value in values if not math.isnan(value)] for name, values in each.items()}
        return {name: float(np.mean(values)) if values else float("nan") for name, values in defined.items()}

    def only(self, class_names: Iterable[str]) -> Evaluation:
        """The same for some of the classes, in this order."""
        return Evaluation(self.protocol, {name: self.classes[name] for name in class_names})

    def summary(self) -> dict[str, float | int | dict[str, dict[str, float | int | None]] | None]:
        """What JSON can hold, ``None`` for what is undefined."""
        return {
            "mean_ap": or_none(self.mean_ap),
            "median_ap": or_none(self.median_ap),
            "classes_in_mean": self.classes_in_mean,
            **{name: or_none(value) for name, value in self.figures.items()},
            "classes": {name: result.summary() for name, result in self.classes.items()},
        }

    def _defined(self) -> list[float]:
        return [result.ap for result in self.classes.values() if result.positives > 0]


def or_none(value: float) -> float | None:
    """A number for JSON, which knows no ``nan``."""
    return None if math.isnan(value) else value
