"""The report's numbers as JSON; what is undefined is null."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from detection.proposals.base import JSON
from detection.proposals.recall import OVERLAPS, REACHED, Coverage
from detection.report.proposals.claims import NOTES, RCNN_BOXES
from detection.report.proposals.measure import Measured
from detection.report.proposals.report import ProposalReport
from detection.report.proposals.sizes import PIXELS, SHARES, Bin
from detection.report.proposals.unreached import Unreached

FORMAT = "proposal report 1"


def figures(report: ProposalReport) -> dict[str, JSON]:
    """All that was measured."""
    return {
        "format": FORMAT,
        "data": report.data,
        "proposers": [_proposer(one, missed) for one, missed in zip(report.measured, report.unreached, strict=True)],
        "paper": [dict(asdict(claim)) for claim in report.claims],
        "notes": list(NOTES) if report.claims else [],
    }


def _proposer(one: Measured, missed: Sequence[Unreached]) -> dict[str, JSON]:
    covered = one.covered
    counts = covered.counts
    return {
        "name": one.name,
        "settings": one.settings,
        "photos": covered.images,
        "failed": {str(failure.photo): failure.reason for failure in one.failures},
        "objects": len(covered),
        "boxes": {
            "in_all": covered.proposals,
            "mean": _number(covered.per_image),
            "least": int(counts.min()) if len(counts) else None,
            "most": int(counts.max()) if len(counts) else None,
            "share_of_rcnn": _number(covered.per_image / RCNN_BOXES),
        },
        "seconds": {
            "median": _number(one.median_seconds),
            "mean": _number(float(one.seconds.mean()) if len(one.seconds) else math.nan),
            "photos_timed": len(one.seconds),
            "photos_from_store": one.from_store,
            "photos_at_once": one.workers,
        },
        "fallbacks": one.fallbacks,
        "all_boxes": _measures(covered),
        "first_boxes": [
            {"boxes": budget, "mean": _number(covered.per_image_within(budget)), **_measures(covered, column)}
            for column, budget in enumerate(covered.budgets)
        ],
        "recall_by_overlap": [{"overlap": at, "recall": _number(covered.recall(at))} for at in OVERLAPS],
        "classes": {name: _part(covered.of_class(label)) for label, name in enumerate(covered.class_names)},
        "sizes_in_pixels": [_bin(one, each) for each in PIXELS],
        "sizes_in_photo": [_bin(one, each) for each in SHARES],
        "unreached": {"overlap": REACHED, "objects": [_unreached(each) for each in missed]},
    }


def _measures(covered: Coverage, column: int = -1) -> dict[str, JSON]:
    return {
        "recall_50": _number(covered.recall(0.5, column)),
        "recall_70": _number(covered.recall(0.7, column)),
        "average_recall": _number(covered.average_recall(column)),
        "abo": _number(covered.average_best_overlap(column)),
        "mabo": _number(covered.mean_average_best_overlap(column)),
    }


def _part(covered: Coverage) -> dict[str, JSON]:
    return {"objects": len(covered), **_measures(covered)}


def _bin(one: Measured, each: Bin) -> dict[str, JSON]:
    limits: dict[str, JSON] = {"from": each.low, "to": None if math.isinf(each.high) else each.high, "coco": each.coco}
    return {**limits, **_part(one.covered[each.holds(one)])}


def _unreached(one: Unreached) -> dict[str, JSON]:
    best = round(one.best, 4)
    return {
        "id": one.id,
        "class": one.class_name,
        "box": one.box.tolist(),
        "best": best,
        "nearest": one.nearest.tolist(),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
