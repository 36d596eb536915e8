"""The paper's tables on the screen, and what was measured here beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table

from detection.command_line import printable, table
from detection.evaluation.paper_tables import TABLE_3, Measurement, PaperTable


def paper_table(stated: PaperTable) -> Iterator[Table | str]:
    """A table as the paper has it, then what was measured on its data, and apart what was on other data."""
    shown = Table(*stated.columns, title=stated.title, title_justify="left")
    for row in stated.rows:
        shown.add_row(*map(str, row))
    yield shown
    if not stated.comparable:
        yield f"here: not measured: needs {stated.needs}"
    yield from _measured("here, on the same data", stated.comparable)
    yield from _measured("here, on other data (not comparable with the rows above)", stated.others)
    yield ""


def beside_table_3(measured: Sequence[Measurement]) -> Iterator[Table | str]:
    """Errors of classification by crops and models, beside those of the paper's Table 3."""
    paper = {("mean", row.models, row.crops): f"{row.top_5_error:.2f}" for row in TABLE_3}
    errors: dict[tuple[str | None, int, int | None], dict[str, float]] = {}
    for row in measured:
        errors.setdefault((row.pooling, row.models, row.crops), {})[row.figure] = row.value
    shown = table("over the crops", "models", "crops", "cost", "top-1 error", "top-5 error", "paper, top-5 error")
    for (pooling, models, crops), figures in errors.items():
        key = f"{pooling}", f"{models}", f"{crops}", f"{models * (crops or 1)}"
        ours = (f"{figures[figure]:.2f}" for figure in ("top-1 error", "top-5 error"))
        shown.add_row(*key, *ours, paper.get((f"{pooling}", models, crops or 1), ""))
    yield shown
    yield f"percent; {measured[0].images:,} photos: one of them is {100 / measured[0].images:.2g} points"
    yield "paper: the 50,000 validation photos of ILSVRC 2014, networks trained as its section 6 says"


def _measured(heading: str, rows: Iterable[Measurement]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if number == 0:
            yield f"{heading}:"
        yield printable(f"  {row.name}: {row.value:.1f}% {row.figure}; {row.conditions}; {row.command}")
