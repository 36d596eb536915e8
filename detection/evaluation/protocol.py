"""What sets the protocols of VOC and ILSVRC apart, as data, and the tables that they are applied to, class by class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from detection.evaluation.tables import DetectionTable, Floats, Integers, Mask, ObjectTable


@dataclass(frozen=True)
class Rules:
    """One column of the table in :mod:`detection.evaluation.matching`.

    ``bars`` gives the overlap that each object asks for, (M, 4) -> (M,); ``average_precision`` measures recall and
    precision of a curve, (N,), (N,) -> (), or of many side by side, (N, B), (N, B) -> (B,).
    """

    name: str
    bars: Callable[[Floats], Floats]
    best_free: bool
    ties_by_image: bool
    average_precision: Callable[[Floats, Floats], Floats]


def check_labels(class_names: Sequence[str], *columns: Integers) -> None:
    """Raise ``ValueError`` for a label outside the classes."""
    for labels in columns:
        outside = labels[(labels < 0) | (labels >= len(class_names))]
        if len(outside):
            raise ValueError(f"label {outside[0]} among {len(class_names)} classes")


def rows_by_label(labels: Integers, classes: int) -> list[Integers]:
    """For every class its rows, in their order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, classes)))[:classes]  # of 0 classes none


def listed(table: DetectionTable | ObjectTable, blacklist: Collection[tuple[int, int]], classes: int) -> Mask:
    """Which rows lie in a blacklisted image and class: (N,)."""
    pairs = np.array(sorted(blacklist), np.int64).reshape(-1, 2)
    return np.isin(table.images * classes + table.labels, pairs @ np.array([classes, 1]))
