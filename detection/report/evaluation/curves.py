"""The page's two charts as shapes in pixels: precision against recall, and being right against the score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from detection.evaluation.analysis import Analysis
from detection.report.colours import class_colours, css

WIDTH, HEIGHT = 640, 420
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 46  # margins, for the axes' numbers and names
LARGEST_DOT, SMALLEST_DOT = 11.0, 2.5  # radii in pixels
DASH = 14  # pixels of each of the curves that lie upon each other, in turn

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """One class's curve; ``points`` as SVG writes them, and the dashes by which curves of the same points take turns.

    A class in which nothing is right has no points.
    """

    name: str
    colour: str
    points: str
    dashes: str = ""
    offset: int = 0


@dataclass(frozen=True)
class Dot:
    """A bin of scores: its place, its radius, and what it says."""

    x: float
    y: float
    radius: float
    text: str


def precision_recall(analysis: Analysis) -> list[Curve]:
    """The envelope of every class that has objects, from recall 0 to the last object found."""
    judged = analysis.judgement
    colours, positives = class_colours(judged.class_names), dict(zip(judged.class_names, judged.positives, strict=True))
    curves = []
    for name, (recall, precision) in analysis.curves.items():
        corners = list(zip(recall.tolist(), precision.tolist(), strict=True))
        if positives[name]:
            curves.append(Curve(name, css(colours[name]), _points(_steps(corners)) if corners else ""))
    return _in_turns(curves)


def _in_turns(curves: list[Curve]) -> list[Curve]:
    """The same curves; those of the same points are dashed, so that none hides another."""
    alike = Counter(curve.points for curve in curves if curve.points)
    drawn: Counter[str] = Counter()
    dashed = []
    for curve in curves:
        others, turn = alike[curve.points] - 1, drawn[curve.points]
        drawn[curve.points] += 1
        dashed.append(replace(curve, dashes=f"{DASH} {others * DASH}", offset=-turn * DASH) if others > 0 else curve)
    return dashed


def score_dots(analysis: Analysis) -> list[Dot]:
    """The bins of equal width: share of right detections against mean score; the area tells how many they are."""
    if analysis.reliability is None:
        return []
    bins = analysis.reliability.equal_width
    columns = zip(bins.counts.tolist(), bins.scores.tolist(), bins.right.tolist(), strict=True)
    most = max(bins.counts.tolist(), default=1)
    return [
        Dot(
            *_place(score, right),
            max(SMALLEST_DOT, LARGEST_DOT * (count / most) ** 0.5),
            f"{count:,} detections score {score:.2f} on average; {right:.0%} of them are right",
        )
        for count, score, right in columns
    ]


def ticks() -> list[tuple[float, float, str]]:
    """Where the axes have numbers: the place across, the place down, the label."""
    return [(*_place(share / 10, share / 10), f"{share / 10:g}") for share in range(0, 11, 2)]


def _steps(corners: list[Point]) -> Iterable[Point]:
    """A corner's precision holds back to the recall of the corner before."""
    yield 0.0, corners[0][1]
    yield corners[0]
    for (recall, _), corner in pairwise(corners):
        yield recall, corner[1]
        yield corner
    yield corners[-1][0], 0.0


def _points(shares: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (_place(*share) for share in shares))


def _place(across: float, up: float) -> Point:
    """A point of the unit square in pixels."""
    return LEFT + across * (WIDTH - LEFT - RIGHT), TOP + (1 - up) * (HEIGHT - TOP - BOTTOM)
