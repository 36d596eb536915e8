"""Average precision on the screen: the classes as a table, and a protocol's mean in a line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from detection.command_line import printable, table
from detection.evaluation.result import Evaluation


def class_table(results: Sequence[Evaluation]) -> Table:
    """Every class in a row: its objects, its detections, its average precision under each protocol."""
    shown = table("class", "objects", "detections", *(f"{result.protocol} AP" for result in results))
    for name in results[0].classes:
        each = [result.classes[name] for result in results]
        objects = "/".join(dict.fromkeys(str(one.positives) for one in each))  # a blacklist takes objects away
        detections = "/".join(dict.fromkeys(str(one.detections) for one in each))  # COCO counts 100 an image
        shown.add_row(printable(name), objects, detections, *(f"{one.ap:.4f}" for one in each))
    return shown


def mean_line(result: Evaluation) -> str:
    """Mean and median over the classes that have objects."""
    count = f"{result.classes_in_mean} of {len(result.classes)} classes"
    return f"{result.protocol}: mean AP {result.mean_ap:.4f}, median {result.median_ap:.4f}, over {count}"


def figures_line(result: Evaluation) -> str:
    """The protocol's other figures by their names; empty where it has none."""
    figures = ", ".join(f"{name} {value:.4f}" for name, value in result.figures.items())
    return f"{result.protocol}: {figures}" if figures else ""
