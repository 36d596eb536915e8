"""The report's two charts as shapes in pixels, which the page's template draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from detection.proposals.recall import OVERLAPS
from detection.report.proposals.claims import RCNN_BOXES, RCNN_RECALL
from detection.report.proposals.measure import Measured

WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 12, 46  # margins, for the axes' numbers and names

Point = tuple[float, float]


@dataclass(frozen=True)
class Dot:
    """A point of a chart and what it says."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """A line of the proposer with this number."""

    proposer: int
    dashed: bool
    dots: tuple[Dot, ...]

    @property
    def points(self) -> str:
        """As SVG writes them."""
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


@dataclass(frozen=True)
class Chart:
    """``ticks`` are places on an axis and their labels; ``marks`` what others published."""

    title: str
    x_name: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]
    marks: tuple[Dot, ...] = ()


def charts(measured: Sequence[Measured]) -> tuple[Chart, Chart]:
    """Recall against boxes a photo, at 0.5 and (dashed) 0.7, and recall against overlap."""
    return _by_boxes(measured), _by_overlap(measured)


def _by_boxes(measured: Sequence[Measured]) -> Chart:
    most = max([float(RCNN_BOXES), *(one.covered.per_image for one in measured)])
    decades = math.log10(most)

    def place(boxes: float, recall: float) -> Point:
        return _across(math.log10(boxes) / decades), _down(recall)

    lines = []
    for number, one in enumerate(measured):
        for overlap in (0.5, 0.7):
            dots = _dots(place, _recalls(one, overlap), lambda x, y, at=overlap: f"{x:,.0f} boxes: {y:.1%} at {at}")
            lines.append(Line(number, overlap != 0.5, dots))
    ticks = [tick for power in range(5) for tick in (10**power, 3 * 10**power) if tick <= most]
    return Chart(
        "Recall against boxes",
        "first boxes of a photo (mean; logarithmic)",
        tuple((place(tick, 0)[0], f"{tick:,}") for tick in ticks),
        _recall_ticks(),
        tuple(lines),
        marks=_dots(place, [(RCNN_BOXES, RCNN_RECALL)], lambda x, y: f"R-CNN, ILSVRC 2013 val: {y:.1%} with {x:,.0f}"),
    )


def _by_overlap(measured: Sequence[Measured]) -> Chart:
    def place(overlap: float, recall: float) -> Point:
        return _across((overlap - 0.5) / 0.5), _down(recall)

    lines = []
    for number, one in enumerate(measured):
        recalls = [(at, one.covered.recall(at)) for at in (*OVERLAPS, 1.0)]
        lines.append(Line(number, False, _dots(place, recalls, lambda x, y: f"{y:.1%} at {x:g}")))
    ticks = tuple((place(at, 0)[0], f"{at:g}") for at in (*OVERLAPS[::2], 1.0))
    return Chart("Recall against overlap", "overlap (IoU), with all boxes", ticks, _recall_ticks(), tuple(lines))


def _recalls(one: Measured, overlap: float) -> Iterator[Point]:
    """Boxes and recall, from the first box of each photo to all."""
    covered = one.covered
    for column, budget in enumerate(covered.budgets):
        if budget < covered.per_image:
            yield covered.per_image_within(budget), covered.recall(overlap, column)
    yield covered.per_image, covered.recall(overlap)


def _dots(
    place: Callable[[float, float], Point], values: Sequence[Point] | Iterator[Point], say: Callable[..., str]
) -> tuple[Dot, ...]:
    return tuple(Dot(*place(x, y), say(x, y)) for x, y in values if x > 0 and not math.isnan(y))


def _across(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _down(recall: float) -> float:
    return round(TOP + (1 - recall) * (HEIGHT - TOP - BOTTOM), 1)


def _recall_ticks() -> tuple[tuple[float, str], ...]:
    return tuple((_down(share / 100), f"{share}%") for share in range(0, 101, 20))
