"""What the paper says, and what is so here: its tables, its network, its classifier.

    python tools/paper.py tables
    python tools/paper.py network
    python tools/paper.py claims
    python tools/paper.py all --json paper.json
    python tools/paper.py all --measured table3.json

tables: classification (Tables 2 and 3) and detection (Tables 4 and 5 of "Going Deeper with Convolutions"). A figure
measured on other data than the paper's stands below the table, with its data set and protocol, and is not compared.
network: Table 1, row by row, as the paper prints it and as the network built here counts.
claims: what sections 1 and 5 to 8 say of the network, its training, its test and the detector, one statement a line:
the paper, what is so here (counted, or measured on the data named), whether it holds, and where code or test has it.

--measured takes a JSON list of measurements (name, figure, value, data, images, command, and protocol, models, regions,
crops, pooling, box_regression, contextual_model, date where they apply), such as tools/classify.py --table3 --json
writes; without it, those that come with the package are shown. tools/evaluate.py --against paper sets a result of your
own on ILSVRC data into Tables 4 and 5.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.table import Column, Table

from detection.command_line import console, help_text, new_app, run_command
from detection.converters.whole_file import whole_file
from detection.datasets.base import did_you_mean
from detection.evaluation.paper_tables import Measurement, PaperTable, measured, paper_tables
from detection.report.paper import paper_table

if TYPE_CHECKING:
    from backbone.classification.claim import Claim

PARTS = ("tables", "network", "claims", "all")

app = new_app()


class NetworkRow(NamedTuple):
    """A row of Table 1: what the paper states, what the network built here has, and whether they agree."""

    row: str
    stated_weights: str
    weights: int
    stated_multiply_adds: str
    multiply_adds: int
    verdict: str


@app.command(help=help_text(__doc__))
def paper(
    part: Annotated[str, typer.Argument(metavar="PART", help=", ".join(PARTS))] = "all",
    measurements: Annotated[Path | None, typer.Option("--measured", help="a JSON list of measurements")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write what is printed here too")] = None,
) -> None:
    """Gather, print, write."""
    if part not in PARTS:
        raise ValueError(f"no part {part!r}; {did_you_mean(part, PARTS)}")
    written: dict[str, object] = {}
    figures = measured(measurements)
    if part in {"tables", "all"}:
        tables = paper_tables(figures)
        written["tables"] = [_as_json(table) for table in tables]
        for table in tables:
            console().print(*paper_table(table), sep="\n")
    if part in {"network", "all"}:
        rows = network_rows()
        written["network"] = [row._asdict() for row in rows]
        _print_network(rows)
    if part in {"claims", "all"}:
        claims = _claims(figures)
        written["claims"] = [claim._asdict() for claim in claims]
        columns = (Column(name, overflow="fold") for name in claims[0]._fields)
        shown = Table(*columns, title="Sections 1 and 5 to 8", title_justify="left")
        for claim in claims:
            shown.add_row(*claim)
        console().print(shown)
    if json_file:
        with whole_file(json_file) as file:
            json.dump(written, file, indent=1, allow_nan=False)


def network_rows() -> list[NetworkRow]:
    """Table 1 against the network as published, counted on shapes alone; weights without biases."""
    from backbone.complexity import TABLE_1_STATED, table_1_costs
    from backbone.googlenet import GoogLeNet, GoogLeNetOptions

    separable = {cost.row: cost for cost in table_1_costs(GoogLeNet(GoogLeNetOptions(stem="separable")))}
    rows = []
    for cost in table_1_costs(GoogLeNet()):
        stated = TABLE_1_STATED[cost.row]
        if _agree(stated, cost.weights, cost.multiply_adds):
            verdict = "holds"
        elif _agree(stated, separable[cost.row].weights, separable[cost.row].multiply_adds):
            verdict = 'fits a separable convolution (stem="separable")'
        else:
            verdict = "does not follow from the row's sizes"
        rows.append(NetworkRow(cost.row, stated[0], cost.weights, stated[1], cost.multiply_adds, verdict))
    return rows


def _claims(figures: Sequence[Measurement]) -> list[Claim]:
    """The statements, with the errors measured on the paper's data, or else on the first that there are."""
    from backbone.classification.claims import classification_claims
    from detection.build.detection_claims import detection_claims

    table_3 = paper_tables(figures)[1]
    known = [row for row in table_3.comparable or table_3.others if row.crops]
    known = [row for row in known if row.data == known[0].data]
    errors = {(row.models, row.crops or 1, row.pooling or "mean"): row.value for row in known}
    data = f"{known[0].images:,} {known[0].data}" if known else ""
    return [*classification_claims(errors, data), *detection_claims(figures)]


def _agree(stated: tuple[str, str], weights: int, multiply_adds: int) -> bool:
    return _near(stated[0], weights / 1024) and _near(stated[1], multiply_adds / 1e6)


def _near(stated: str, counted: float) -> bool:
    """Whether a figure such as 112K or 34M is the counted one, within a percent or half of its last digit."""
    return abs(float(stated[:-1]) - counted) <= max(0.01 * counted, 0.5)


def _as_json(table: PaperTable) -> dict[str, object]:
    return {
        "title": table.title,
        "paper": [dict(zip(table.columns, row, strict=True)) for row in table.rows],
        "measured_on_the_same_data": [row.model_dump(exclude_none=True) for row in table.comparable],
        "measured_on_other_data": [row.model_dump(exclude_none=True) for row in table.others],
    }


def _print_network(rows: Sequence[NetworkRow]) -> None:
    table = Table("layer", "params, paper", "here", "ops, paper", "here", "", title="Table 1", title_justify="left")
    for row in rows:
        counted = f"{row.weights / 1024:,.1f}K", f"{row.multiply_adds / 1e6:,.1f}M"
        table.add_row(row.row, row.stated_weights, counted[0], row.stated_multiply_adds, counted[1], row.verdict)
    weights, multiply_adds = sum(row.weights for row in rows), sum(row.multiply_adds for row in rows)
    console().print(table)
    console().print(
        f"in all {weights:,} weights and {multiply_adds / 1e6:,.1f}M multiply-adds (K is 1,024, M a million)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 where the input is bad, told in one line."""
    return run_command(app, argv, name="paper.py")


if __name__ == "__main__":
    sys.exit(main())
