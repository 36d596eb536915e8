"""The evaluation of a result as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detection.converters.whole_file import whole_file
from detection.datasets.base import Dataset
from detection.evaluation.analysis import Analysis
from detection.evaluation.result import Evaluation
from detection.report.evaluation.curves import HEIGHT, LEFT, RIGHT, TOP, WIDTH, precision_recall, score_dots, ticks
from detection.report.evaluation.photos import worst_photos
from detection.report.evaluation.sheets import (
    budget_rows,
    class_rows,
    comparison_rows,
    confused_pairs,
    confusion_rows,
    explanation_rows,
    number,
    stratum_groups,
)
from detection.report.page import page, utf8


@dataclass(frozen=True)
class EvaluationReport:
    """What the page is about: ``results`` of one set of detections, and the ``analysis`` of the first of them.

    ``images``: the positions in ``dataset`` of the images that were judged, in their order; ``made_by`` stands at the
    foot.
    """

    title: str
    dataset: Dataset
    images: Sequence[int]
    results: Sequence[Evaluation]
    analysis: Analysis
    made_by: str = ""


def write_page(path: Path, report: EvaluationReport) -> None:
    """Write the page, by rename; the photos with the most errors are read."""
    analysis, results, rivals = report.analysis, report.results, report.analysis.comparison
    comparison = rivals and replace(rivals, names=(utf8(rivals.names[0]), utf8(rivals.names[1])))
    ids = [utf8(report.dataset.ids[index]) for index in report.images]
    interval = analysis.intervals.mean_ap
    text = page(
        "evaluation",
        styles=["report"],
        title=utf8(report.title),
        facts=_facts(analysis),
        headline=[
            (one.protocol, number(one.mean_ap), number(one.median_ap), one.classes_in_mean, len(one.classes))
            for one in results
        ],
        interval=f"{number(interval.low)} to {number(interval.high)}",
        half=number(interval.value) if analysis.protocol != results[0].protocol else None,
        analysed=analysis.protocol,
        protocols=[one.protocol for one in results],
        classes=class_rows(results, analysis),
        curves=precision_recall(analysis),
        dots=score_dots(analysis),
        calibration_error=number(analysis.reliability.equal_width.error) if analysis.reliability else None,
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "ticks": ticks()},
        budget=budget_rows(analysis),
        confusion=confusion_rows(analysis),
        pairs=confused_pairs(analysis),
        strata=stratum_groups(analysis),
        explanations=[
            (one.second.rules.name, f"{100 * one.difference:+.1f}", len(one), explanation_rows(one, ids))
            for one in analysis.explanations
        ],
        comparison=comparison,
        differences=comparison_rows(comparison) if comparison else [],
        photos=worst_photos(analysis, report.dataset, list(report.images)),
        made_by=utf8(report.made_by),
    )
    with whole_file(path) as file:
        file.writelines(text)


def _facts(analysis: Analysis) -> str:
    judged = analysis.judgement
    counts = (
        (analysis.images, "photo"),
        (int(judged.sought.sum()), "object"),
        (len(judged.detections), "detection"),
        (int(sum(judged.positives > 0)), "class"),
    )
    plurals = {"class": "classes"}
    return " · ".join(f"{count:,} {word if count == 1 else plurals.get(word, f'{word}s')}" for count, word in counts)
