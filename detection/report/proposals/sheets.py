"""The report's tables as text, for the screen and the page alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detection.proposals.recall import BUDGETS, Coverage
from detection.report.proposals.claims import RCNN_BOXES, Claim
from detection.report.proposals.measure import Measured
from detection.report.proposals.report import ProposalReport
from detection.report.proposals.sizes import PIXELS, SHARES, Bin
from detection.report.proposals.unreached import Unreached

MEASURES = ("recall at 0.5", "recall at 0.7", "AR", "ABO")


@dataclass(frozen=True)
class Sheet:
    """A table; its first ``words`` columns are words, the others numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


def sheets(report: ProposalReport) -> list[Sheet]:
    """Proposers, budgets of each, classes and sizes; where nothing is annotated, the proposers alone."""
    measured = report.measured
    made = [proposer_sheet(measured)]
    if report.objects:
        made += [*map(budget_sheet, measured), *class_sheets(measured)]
        made += size_sheets("size of the object: root of its area, in pixels", measured, PIXELS)
        made += size_sheets("size of the object: root of its share of the photo's area", measured, SHARES)
    return made


def claim_sheet(claims: Sequence[Claim]) -> Sheet:
    """A row a claim of the paper."""
    rows = tuple((claim.claim, claim.paper, claim.measured, claim.verdict) for claim in claims)
    return Sheet("the paper, section 8", ("claim", "paper", "measured", "verdict"), rows, words=4)


def proposer_sheet(measured: Sequence[Measured]) -> Sheet:
    """A row a proposer, with all of its boxes."""
    share = f"of R-CNN's {RCNN_BOXES:,}"
    rows = []
    for one in measured:
        boxes = one.covered.per_image
        seconds = "from the store" if math.isnan(one.median_seconds) else f"{one.median_seconds:.3f}"
        counts = (_number(boxes, ",.0f"), _number(boxes / RCNN_BOXES, ".0%"), seconds)
        rows.append((one.name, *counts, *_measures(one.covered), _number(one.covered.mean_average_best_overlap())))
    return Sheet("all boxes", ("proposer", "boxes a photo", share, "seconds a photo", *MEASURES, "MABO"), tuple(rows))


def budget_sheet(measured: Measured) -> Sheet:
    """A row for the first 100, 500, ... boxes of each photo, and for all."""
    covered = measured.covered
    rows = []
    for column, budget in enumerate(covered.budgets):
        if budget in BUDGETS:
            numbers = (*_measures(covered, column), _number(covered.mean_average_best_overlap(column)))
            rows.append((f"first {budget:,}", _number(covered.per_image_within(budget), ",.0f"), *numbers))
    numbers = (*_measures(covered), _number(covered.mean_average_best_overlap()))
    rows.append(("all", _number(covered.per_image, ",.0f"), *numbers))
    head = ("boxes", "boxes a photo", *MEASURES, "MABO")
    return Sheet(f"{measured.name}: the first boxes of each photo", head, tuple(rows))


def class_sheets(measured: Sequence[Measured]) -> Iterator[Sheet]:
    """A row a class that has objects, with all boxes."""
    names = measured[0].covered.class_names
    there = np.unique(measured[0].covered.labels)
    rows = [(names[label], [one.covered.of_class(label) for one in measured]) for label in there]
    title = "classes" if len(rows) == len(names) else f"classes: the {len(rows):,} of {len(names):,} that have objects"
    return _part_sheets(title, "class", measured, rows)


def size_sheets(title: str, measured: Sequence[Measured], bins: Sequence[Bin]) -> Iterator[Sheet]:
    """A row a bin of object sizes, with all boxes."""
    rows = [(each.name, [one.covered[each.holds(one)] for one in measured]) for each in bins]
    return _part_sheets(title, "size", measured, rows)


def unreached_sheet(name: str, objects: Sequence[Unreached], most: int) -> Sheet:
    """The objects that no box of a proposer reaches, the worst first, at most so many."""
    rows = tuple((one.id, one.class_name, f"{one.width:.0f} x {one.height:.0f}", f"{one.best:.2f}") for one in objects)
    head = ("photo", "class", "pixels", "best overlap")
    return Sheet(f"{name}: the objects farthest from any box", head, rows[:most], words=2)


def _part_sheets(
    title: str, first: str, measured: Sequence[Measured], rows: Sequence[tuple[str, Sequence[Coverage]]]
) -> Iterator[Sheet]:
    """All measures of one proposer; of several, a table for each recall: both side by side fit no terminal."""
    if len(measured) == 1:
        cells = tuple((name, f"{len(one):,}", *_measures(one)) for name, (one,) in rows)
        yield Sheet(title, (first, "objects", *MEASURES), cells)
        return
    head = (first, "objects", *(one.name for one in measured))
    for overlap in (0.5, 0.7):
        cells = tuple(
            (name, f"{len(each[0]):,}", *(_number(one.recall(overlap)) for one in each)) for name, each in rows
        )
        yield Sheet(f"{title}; recall at {overlap:g}", head, cells)


def _measures(covered: Coverage, column: int = -1) -> tuple[str, ...]:
    recalls = covered.recall(0.5, column), covered.recall(0.7, column)
    return tuple(map(_number, (*recalls, covered.average_recall(column), covered.average_best_overlap(column))))


def _number(value: float, form: str = ".3f") -> str:
    return "-" if math.isnan(value) else format(value, form)
