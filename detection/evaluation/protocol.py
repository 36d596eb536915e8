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
    for labels in (detections.labels, objects.labels):
        outside = labels[(labels < 0) | (labels >= len(class_names))]
        if len(outside):
            raise ValueError(f"label {outside[0]} among {len(class_names)} classes")
    excused = _listed(detections, blacklist)
    objects = objects[~_listed(objects, blacklist)]
    results = {}
    rows_of = _rows_by_label(detections.labels, len(class_names))
    objects_of = _rows_by_label(objects.labels, len(class_names))
    for label, name in enumerate(class_names):
        rows = rows_of[label]
        results[name] = _evaluate_class(rules, detections[rows], objects[objects_of[label]], excused[rows])
    return Evaluation(rules.name, results)


def _evaluate_class(rules: Rules, detections: DetectionTable, objects: ObjectTable, excused: Mask) -> ClassResult:
    order = rank(detections, ties_by_image=rules.ties_by_image)
    matches = match(detections[order], objects, rules.bars(objects.boxes), best_free=rules.best_free)
    verdicts = np.where(excused[order], IGNORED, matches.verdicts)
    positives = int(np.sum(~objects.ignored))
    recall, precision = recall_precision(verdicts, positives)
    ap = rules.average_precision(recall, precision) if positives else float("nan")
    return ClassResult(ap, positives, recall, precision)


def _rows_by_label(labels: Integers, classes: int) -> list[Integers]:
    """For every class its rows, in their order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, classes)))


def _listed(table: DetectionTable | ObjectTable, blacklist: Collection[tuple[int, int]]) -> Mask:
    """Which rows lie in a blacklisted image and class: (N,)."""
    pairs = set(blacklist)
    labelled = zip(table.images.tolist(), table.labels.tolist(), strict=True)
    return np.fromiter((pair in pairs for pair in labelled), np.bool_, len(table))
