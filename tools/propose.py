"""Make the region proposals of a data set, keep them, and measure how well they cover its objects.

    python tools/propose.py --data VOCdevkit/VOC2007 --split trainval --store proposals
    python tools/propose.py --data VOCdevkit/VOC2007 --split test --store proposals --report
    python tools/propose.py --data photos/ --store proposals --superpixel-scale 2 --workers 4

Selective search runs once for each photo: training, inference and evaluation find its boxes in --store. A run that was
stopped goes on where it was: give the same command again. Other settings, or a changed photo, have their own entries.

Methods: selective-search (ours), package (selectivesearch from PyPI, some fifty times slower), grid (windows at fixed
places: what a proposer has to beat). Modes of selective-search: rcnn-fast, rcnn-quality, opencv-fast, opencv-quality,
single. --superpixel-scale 2 is the GoogLeNet paper's "superpixel size was increased by 2x".

--report prints the share of the annotated objects that a proposal overlaps by 0.5 and by 0.7 (IoU), and the average
best overlap (ABO), for the first boxes of each photo and for all, and class by class.

Exit code: 0 every photo has proposals; 1 some photos could not be read; 2 it could not begin or not go on; 130 stopped.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from detection.datasets.base import Dataset
from detection.datasets.open import open_dataset
from detection.proposals.base import Proposer
from detection.proposals.fixed import SlidingGrid
from detection.proposals.recall import Coverage, coverage
from detection.proposals.store import Failure, ProposalStore
from detection.structures import Proposals, Target

METHODS = ("selective-search", "package", "grid")
PUBLISHED = (
    "published: the fast mode covers 91.6% of the objects of ILSVRC 2013 val at 0.5, with 2,403 boxes a photo (R-CNN, "
    "section 4.2); superpixels twice as large, and MultiBox added, took GoogLeNet from 92% to 93% with some 60% of the "
    "boxes (section 8)"
)
STOPPED = 130
# click's UsageError: some versions of typer import click, some contain it
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
log = Console(stderr=True, highlight=False, soft_wrap=True)


def build(method: str, mode: str | None, superpixel_scale: float | None) -> Proposer:
    """The proposer of the options; raises ``ValueError`` where they do not go together."""
    if method not in METHODS:
        raise ValueError(f"--method {method}: there is no such method; choose {', '.join(METHODS)}")
    if method != "selective-search" and mode is not None:
        raise ValueError(f"--mode {mode}: only --method selective-search has modes")
    if method == "grid":
        if superpixel_scale is not None:
            raise ValueError(f"--superpixel-scale {superpixel_scale:g}: --method grid has no superpixels")
        return SlidingGrid()
    scale = 1.0 if superpixel_scale is None else superpixel_scale
    if method == "package":
        from detection.proposals.selectivesearch_package import SelectiveSearchPackage

        return SelectiveSearchPackage(superpixel_scale=scale)
    from detection.proposals.selective_search import SelectiveSearch

    return SelectiveSearch(mode=mode or "rcnn-fast", superpixel_scale=scale)


@app.command(help="\b\n" + str(__doc__).replace("\n\n", "\n\n\b\n"))
def propose(
    data: Annotated[str, typer.Option(help="the photos: a path, or format:path[:split]")],
    store: Annotated[Path, typer.Option(help="the folder in which proposals are kept")],
    split: Annotated[str | None, typer.Option(help="a part of the data set, such as trainval")] = None,
    method: Annotated[str, typer.Option(help=", ".join(METHODS))] = METHODS[0],
    mode: Annotated[str | None, typer.Option(help="of selective-search  [default: rcnn-fast]")] = None,
    superpixel_scale: Annotated[
        float | None, typer.Option(help="how much larger superpixels are  [default: 1]")
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="measure how well objects are covered")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="photos in work at once  [default: all cores]")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="print only the report, and what went wrong")] = False,
) -> int:
    """Propose for every photo, keep, measure, print."""
    logging.basicConfig(
        format="%(message)s",
        level=logging.WARNING if quiet else logging.INFO,
        handlers=[RichHandler(console=log, show_time=False, show_level=False, show_path=False)],
        force=True,
    )
    proposer = build(method, mode, superpixel_scale)
    dataset = open_dataset(data, split=split)
    kept = ProposalStore(store, proposer)
    began = time.perf_counter()
    failures: list[Failure] = []
    covered = coverage(_each(dataset, kept, workers or os.cpu_count() or 1, failures, quiet=quiet), dataset.class_names)
    if not quiet:
        console = Console(highlight=False, soft_wrap=True)
        seconds = time.perf_counter() - began
        mean = f", {covered.per_image:,.0f} a photo" if covered.images else ""
        console.print(f"{covered.images:,} photos, {covered.proposals:,} proposals{mean}, in {seconds:,.1f} seconds")
        console.print(Text(f"kept in {kept.folder}"))
    if report:
        _show(covered)
    if failures:
        print(f"{len(failures)} of {len(dataset)} photos have no proposals", file=sys.stderr)
    return 1 if failures else 0


def _each(
    dataset: Dataset, store: ProposalStore, workers: int, failures: list[Failure], *, quiet: bool
) -> Iterator[tuple[Proposals, Target]]:
    """Proposals and target of each photo, with a progress bar; photos that fail are told and put into ``failures``."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("photos"), TimeElapsedColumn(), TimeRemainingColumn())
    photos = (dataset.path(index) for index in range(len(dataset)))
    with Progress(*columns, console=log, transient=True, disable=quiet) as progress:
        task = progress.add_task("photos", total=len(dataset))
        for index, result in enumerate(store.each(photos, workers)):
            progress.advance(task)
            if isinstance(result, Failure):
                failures.append(result)
                log.print(Text(f"failed: {_printable(result.reason)}"))
            else:
                yield result, dataset.target(index)


def _show(covered: Coverage) -> None:
    """Two tables: the first boxes of each photo, and the classes with all boxes."""
    console = Console(highlight=False, soft_wrap=True)
    if not len(covered.labels):
        console.print("no annotated objects: there is nothing to cover")
        return
    by_budget = Table("boxes a photo", "recall at 0.5", "recall at 0.7", "ABO", "MABO")
    for column, name in enumerate((*(f"first {budget:,}" for budget in covered.budgets), "all")):
        numbers = covered.recall(0.5, column), covered.recall(0.7, column), covered.average_best_overlap(column)
        by_budget.add_row(name, *map(_number, (*numbers, covered.mean_average_best_overlap(column))))
    by_class = Table("class", "objects", "recall at 0.5", "recall at 0.7", "ABO")
    for label, name in enumerate(covered.class_names):
        one = covered.of_class(label)
        numbers = one.recall(0.5), one.recall(0.7), one.average_best_overlap()
        by_class.add_row(Text(_printable(name)), f"{len(one.labels):,}", *map(_number, numbers))
    for table in (by_budget, by_class):
        for place in table.columns[1:]:
            place.justify = "right"
        console.print(table)
    console.print(f"{len(covered.labels):,} objects, {covered.per_image:,.0f} boxes a photo; {PUBLISHED}")


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _printable(text: str) -> str:
    """``text`` in one line that any terminal takes: control characters and stray bytes as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    try:
        code = app(argv, standalone_mode=False, prog_name="propose.py") or 0
        if code == STOPPED:  # what typer makes of Ctrl-C; older versions raise Abort
            raise KeyboardInterrupt
        return int(code)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped: the proposals made so far are kept, and the same command goes on from there", file=sys.stderr)
        return STOPPED
    except USAGE_ERROR as error:
        message = f"{error.format_message()} (--help shows examples)"  # type: ignore[attr-defined]
    except (ValueError, OSError, ImportError) as error:
        message = str(error)
    print("error:", _printable(" ".join(message.split())), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
