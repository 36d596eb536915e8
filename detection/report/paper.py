"""The paper's tables on the screen, and what was measured here beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table

from detection.command_line import printable
from detection.evaluation.paper_tables import Measurement, PaperTable


def paper_table(table: PaperTable) -> Iterator[Table | str]:
    """A table as the paper has it, then what was measured on its data, and apart what was on other data."""
    shown = Table(*table.columns, title=table.title, title_justify="left")
    for row in table.rows:
        shown.add_row(*map(str, row))
    yield shown
    if not table.comparable:
        yield f"here: not measured: needs {table.needs}"
    yield from _measured("here, on the same data", table.comparable)
    yield from _measured("here, on other data (not comparable with the rows above)", table.others)
    yield ""


def _measured(heading: str, rows: Iterable[Measurement]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if number == 0:
            yield f"{heading}:"
        yield printable(f"  {row.name}: {row.value:.1f}% {row.figure}; {row.conditions}; {row.command}")
