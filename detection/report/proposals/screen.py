"""The report as what a terminal shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Literal

from rich.table import Column, Table

from detection.command_line import printable
from detection.report.proposals.claims import NOTES
from detection.report.proposals.report import ProposalReport
from detection.report.proposals.sheets import Sheet, claim_sheet, sheets, unreached_sheet

LISTED = 10  # objects that no box reaches


def on_screen(report: ProposalReport) -> Iterator[Table | str]:
    """Tables and lines, one after another; of the objects that no box reaches, the first of the last proposer."""
    if report.claims:
        yield as_table(claim_sheet(report.claims))
        yield from NOTES
    yield from map(as_table, sheets(report))
    if not report.objects:
        yield "no annotated objects: there is nothing to cover"
        return
    for one, missed in zip(report.measured, report.unreached, strict=True):
        share = len(missed) / report.objects
        yield f"{one.name}: no box reaches {len(missed):,} of {report.objects:,} objects ({share:.1%})"
    if missed := report.unreached[-1]:
        yield as_table(unreached_sheet(report.measured[-1].name, missed, LISTED))


def as_table(sheet: Sheet) -> Table:
    """A sheet for the screen."""
    sides: Iterator[Literal["left", "right"]] = chain(repeat("left", sheet.words), repeat("right"))
    columns = (Column(name, justify=side, overflow="fold") for name, side in zip(sheet.head, sides, strict=False))
    shown = Table(*columns, title=sheet.title, title_justify="left")
    for row in sheet.rows:
        shown.add_row(*map(printable, row))
    return shown
