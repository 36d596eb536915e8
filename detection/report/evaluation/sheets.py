"""The page's tables: rows of texts, with bars as shares of their column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from detection.evaluation.analysis import Analysis
from detection.evaluation.comparison import Comparison
from detection.evaluation.explain import REASONS, Explanation
from detection.evaluation.result import Evaluation
from detection.report.colours import class_colours, css

MOST_CONFUSED_CLASSES = 24  # more make a matrix that nobody reads: then the pairs are listed
CONFUSED_PAIRS = 30
EXAMPLES = 3
SHOWN = 0.0005  # of a mean AP: less reads as 0.0 points
UNDEFINED = "-"
MEANINGS = {
    "localisation": "near an object of its class, but the box is too far off",
    "classification": "right on an object of another class",
    "duplicate": "on an object that another detection has already",
    "background": "on no object at all",
    "both": "near an object of another class",
    "missed": "objects that nothing comes near",
    "missed: no proposal": "… because no proposal reaches them: no classifier could find them",
    "missed: classifier": "… although a proposal reaches them: the selection or the classifier dropped it",
}


@dataclass(frozen=True)
class ClassRow:
    """A class: its AP under every protocol, the 95% interval of the first, and its best operating point.

    ``bar`` is (low, value, high) in [0, 1] or ``None``.
    """

    name: str
    colour: str
    objects: int
    detections: int
    aps: tuple[str, ...]
    bar: tuple[float, float, float] | None
    threshold: str
    precision: str
    recall: str
    calibration: str


@dataclass(frozen=True)
class BarRow:
    """A name, what it means, how many, and a figure with its bar in [0, 1]."""

    name: str
    meaning: str
    count: int
    figure: str
    bar: float


@dataclass(frozen=True)
class StratumRow:
    """A part of the objects, with the share that was found and the AP there."""

    name: str
    objects: int
    recall: float | None
    recall_text: str
    average_precision: str


def number(value: float, digits: int = 3) -> str:
    """A figure, or a dash for what is undefined."""
    return UNDEFINED if math.isnan(value) else f"{value:.{digits}f}"


def class_rows(results: Sequence[Evaluation], analysis: Analysis) -> list[ClassRow]:
    """Every class of the results; the analysis is of the first of them."""
    colours = class_colours(analysis.judgement.class_names)
    rows = []
    for name in results[0].classes:
        each = [result.classes[name] for result in results]
        interval, point = analysis.intervals.classes[name], analysis.operating[name]
        bar = None if math.isnan(interval.value) else (interval.low, interval.value, interval.high)
        error = analysis.reliability.classes[name].error if analysis.reliability else float("nan")
        rows.append(
            ClassRow(
                name,
                css(colours[name]),
                each[0].positives,
                each[0].detections,
                tuple(number(one.ap) for one in each),
                bar,
                *(number(value) for value in (point.threshold, point.precision, point.recall, error)),
            )
        )
    return rows


def budget_rows(analysis: Analysis) -> list[BarRow]:
    """The error budget, the costliest kind first; the parts of what is missed stay below it."""
    errors = analysis.budget.errors
    order = sorted((name for name in errors if ":" not in name), key=lambda name: -_defined(errors[name].gain))
    whole = [part for name in order for part in (name, *(other for other in errors if other.startswith(f"{name}:")))]
    most = max([1e-9, *(_defined(error.gain) for error in errors.values())])
    return [
        BarRow(
            name.partition(": ")[2] or name,
            MEANINGS[name],
            errors[name].count,
            number(100 * errors[name].gain, 1),
            max(0.0, _defined(errors[name].gain)) / most,
        )
        for name in whole
    ]


def stratum_groups(analysis: Analysis) -> list[tuple[str, list[StratumRow]]]:
    """The strata by their attribute."""
    groups = []
    for attribute, strata in groupby(analysis.strata, key=lambda stratum: stratum.attribute):
        rows = [
            StratumRow(
                one.name,
                one.objects,
                None if math.isnan(one.recall) else one.recall,
                number(one.recall),
                number(one.average_precision),
            )
            for one in strata
        ]
        groups.append((attribute, rows))
    return groups


def confusion_rows(analysis: Analysis) -> list[tuple[str, list[tuple[int, float]]]]:
    """The matrix: for every class, and for no object, counts and their share of the row; empty with many classes."""
    names = analysis.confusion.class_names
    if len(names) > MOST_CONFUSED_CLASSES:
        return []
    counts = analysis.confusion.counts
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = zip((*names, "no object"), counts.tolist(), shares.tolist(), strict=True)
    return [(name, list(zip(row, share, strict=True))) for name, row, share in rows]


def confused_pairs(analysis: Analysis) -> list[tuple[str, str, int]]:
    """Of many classes those that are taken for another most often: object, detection, count."""
    names = analysis.confusion.class_names
    if len(names) <= MOST_CONFUSED_CLASSES:
        return []
    counts = analysis.confusion.counts[:-1, :-1].copy()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:CONFUSED_PAIRS]
    cells = [(*divmod(int(cell), len(names)), int(counts.flat[cell])) for cell in order]
    return [(names[row], names[column], count) for row, column, count in cells if count]


def explanation_rows(explanation: Explanation, ids: Sequence[str]) -> list[tuple[str, int, str, list[str]]]:
    """Every rule that differs and matters here, and how many others do.

    What it is, how many detections it decides, points of mAP, examples in words.
    """
    rows: list[tuple[str, int, str, list[str]]] = []
    telling = [step for step in explanation.steps if step.changed or not abs(step.gain) < SHOWN]
    for step in telling:
        examples = [
            f"{ids[change.image]}: {change.class_name} {change.score:.2f}, {change.before} → {change.after}"
            for change in explanation.changes(step.reason, EXAMPLES)
        ]
        rows.append((REASONS[step.reason], step.changed, _signed(100 * step.gain), examples))
    if idle := len(explanation.steps) - len(telling):
        others = f"{idle} other rule{'s that differ change' if idle > 1 else ' that differs changes'} nothing here"
        rows.append((others, 0, _signed(0.0), []))
    return rows


def comparison_rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Every class with objects: the difference in points of AP and its interval."""
    return [
        (name, _signed(100 * one.value), f"{100 * one.low:.1f} to {100 * one.high:.1f}")
        for name, one in comparison.classes.items()
        if not math.isnan(one.value)
    ]


def _signed(points: float) -> str:
    return UNDEFINED if math.isnan(points) else f"{points:+.1f}"


def _defined(value: float) -> float:
    return 0.0 if math.isnan(value) else value
