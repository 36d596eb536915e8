"""The analysis of a result on the screen: the same tables as on the page, in text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from detection.command_line import printable, table
from detection.evaluation.analysis import Analysis
from detection.evaluation.explain import Explanation
from detection.report.evaluation.sheets import budget_rows, comparison_rows, explanation_rows, number


def interval_line(analysis: Analysis) -> str:
    """The mean AP with its interval."""
    one = analysis.intervals.mean_ap
    value, low, high = (number(each, 4) for each in (one.value, one.low, one.high))
    return f"{analysis.protocol}: mean AP {value}, 95% interval over {analysis.images:,} photos {low} to {high}"


def budget_table(analysis: Analysis) -> Table:
    """What every kind of error costs, the costliest first."""
    shown = table("error", "how many", "points of mean AP")
    shown.title = f"what would be gained if one kind of error alone were mended ({analysis.protocol})"
    for row in budget_rows(analysis):
        name = f"  {row.name}" if row.meaning.startswith("…") else row.name
        shown.add_row(f"{name}: {row.meaning.removeprefix('… ')}", f"{row.count:,}", row.figure)
    return shown


def explanation_table(explanation: Explanation, ids: Sequence[str]) -> Table:
    """Which rules tell two protocols apart, what each is worth, and examples."""
    first, second = explanation.first.rules.name, explanation.second.rules.name
    shown = table("rule that differs", "detections", "points")
    shown.add_column("for example")
    shown.title = f"{second} instead of {first}: {100 * explanation.difference:+.2f} points"
    for meaning, changed, gain, examples in explanation_rows(explanation, ids):
        shown.add_row(meaning, f"{changed:,}", gain, printable("; ".join(examples)))
    return shown


def why(analysis: Analysis, ids: Sequence[str]) -> Iterator[str | Table]:
    """Why this number: its interval, what the errors cost, and what the other protocols do differently."""
    yield interval_line(analysis)
    yield budget_table(analysis)
    for explanation in analysis.explanations:
        yield explanation_table(explanation, ids)


def comparison_lines(analysis: Analysis) -> Iterator[str | Table]:
    """The verdict on two results, the classes won, and the difference of every class."""
    comparison = analysis.comparison
    if comparison is None:
        return
    first, second = map(printable, comparison.names)
    yield f"{analysis.protocol}: {printable(comparison.verdict)}"
    yield f"classes won: {first} {comparison.won[0]}, {second} {comparison.won[1]}"
    shown = table("class", "points of AP", "95% interval")
    shown.title = f"{second} less {first}"
    for row in comparison_rows(comparison):
        shown.add_row(printable(row[0]), *row[1:])
    yield shown
