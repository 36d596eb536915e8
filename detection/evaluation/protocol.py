"""The loop over classes that the VOC and the ILSVRC protocols share; what sets them apart comes as :class:`Rules`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from detection.evaluation.average_precision import recall_precision
from detection.evaluation.matching import IGNORED, match, rank
from detection.evaluation.result import ClassResult, Evaluation
from detection.evaluation.tables import DetectionTable, Floats, Integers, Mask, ObjectTable


@dataclass(frozen=True)
class Rules:
    """One column of the table in :mod:`detection.evaluation.matching`.

    ``bars`` gives the overlap that each object asks for, (M, 4) -> (M,); ``average_precision`` measures a curve.
    """

    name: str
    bars: Callable[[Floats], Floats]
    best_free: bool
    ties_by_image: bool
    average_precision: Callable[[Floats, Floats], float]


def evaluate(
    rules: Rules,
    detections: DetectionTable,
    objects: ObjectTable,
    class_names: Sequence[str],
    blacklist: Collection[tuple[int, int]] = (),
) -> Evaluation:
    """Every class under ``rules``; ``blacklist`` holds (image, label) pairs that count neither for nor against.

    Raises ``ValueError`` for a label outside the classes.
    """
    check_labels(class_names, detections.labels, objects.labels)
    excused = listed(detections, blacklist, len(class_names))
    objects = objects[~listed(objects, blacklist, len(class_names))]
    results = {}
    rows_of = rows_by_label(detections.labels, len(class_names))
    objects_of = rows_by_label(objects.labels, len(class_names))
    for label, name in enumerate(class_names):
        rows = rows_of[label]
        results[name] = _evaluate_class(rules, detections[rows], objects[objects_of[label]], excused[rows])
    return Evaluation(rules.name, results)


def check_labels(class_names: Sequence[str], *columns: Integers) -> None:
    """Raise ``ValueError`` for a label outside the classes."""
    for labels in columns:
        outside = labels[(labels < 0) | (labels >= len(class_names))]
        if len(outside):
            raise ValueError(f"label {outside[0]} among {len(class_names)} classes")


def _evaluate_class(rules: Rules, detections: DetectionTable, objects: ObjectTable, excused: Mask) -> ClassResult:
    order = rank(detections, ties_by_image=rules.ties_by_image)
    matches = match(detections[order], objects, rules.bars(objects.boxes), best_free=rules.best_free)
    verdicts = np.where(excused[order], IGNORED, matches.verdicts)
    positives = int(np.sum(~objects.ignored))
    recall, precision = recall_precision(verdicts, positives)
    ap = rules.average_precision(recall, precision) if positives else float("nan")
    return ClassResult(ap, positives, recall, precision)


def rows_by_label(labels: Integers, classes: int) -> list[Integers]:
    """For every class its rows, in their order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, classes)))


def listed(table: DetectionTable | ObjectTable, blacklist: Collection[tuple[int, int]], classes: int) -> Mask:
    """Which rows lie in a blacklisted image and class: (N,)."""
    pairs = np.array(sorted(blacklist), np.int64).reshape(-1, 2)
    return np.isin(table.images * classes + table.labels, pairs @ np.array([classes, 1]))
