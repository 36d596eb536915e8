"""A small result to report: rectangles, found well, badly and not at all."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from detection.evaluation.analysis import Extras, analyse, judge_under
from detection.evaluation.ilsvrc import ilsvrc
from detection.evaluation.voc import voc07
from detection.report.evaluation.page import EvaluationReport, write_page
from detection.structures import Detections
from tests.detection.rectangles import rectangles

NAMES = ("red", "<b>blue</b>")


@cache
def report(photos: int = 4) -> EvaluationReport:
    """Red is found in every photo, blue in every second, and in the last photo a blue box lies on nothing."""
    dataset = replace(rectangles(photos), class_names=NAMES)
    predictions = []
    for number in range(photos):
        target = dataset.target(number)
        found = Detections(target.boxes, np.array([0.9, 0.8 - 0.1 * (number % 2)], np.float32), target.labels)
        predictions.append(found[np.array([True, number % 2 == 0])])
    predictions[-1] = Detections(
        np.concatenate([predictions[-1].boxes, np.array([[0, 0, 5, 5]], np.float32)]),
        np.append(predictions[-1].scores, np.float32(0.95)),
        np.append(predictions[-1].labels, 1),
    )
    targets = [dataset.target(number) for number in range(photos)]
    judgement, other = (judge_under(protocol, predictions, targets, NAMES) for protocol in ("voc07", "ilsvrc"))
    results = [voc07(predictions, targets, NAMES), ilsvrc(predictions, targets, NAMES)]
    analysis = analyse(
        judgement, photos, Extras(others=[other], rival=judgement, names=("before", "after")), samples=20
    )
    return EvaluationReport("found.jsonl", dataset, range(photos), results, analysis, "made by a test")


def write(folder: Path, photos: int = 4) -> Path:
    """The page of that result."""
    path = folder / "evaluation.html"
    write_page(path, report(photos))
    return path
