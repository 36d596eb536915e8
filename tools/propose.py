"""Make the region proposals of a data set, keep them, and measure how well they cover its objects.

    python tools/propose.py --data VOCdevkit/VOC2007 --split trainval
    python tools/propose.py --data VOCdevkit/VOC2007 --split val --ladder --out runs/regions
    python tools/propose.py --data photos/ --superpixel-scale 2 --workers 4
    python tools/propose.py --data VOCdevkit/VOC2007 --split test --method file --boxes voc_2007_test.mat --report

Selective search runs once for each photo: training, inference and evaluation find its boxes in --store. A run that was
stopped goes on where it was: give the same command again. Other settings, or a changed photo, have their own entries.

Methods: selective-search (ours), package (selectivesearch from PyPI, some fifty times slower), opencv (that of
opencv-contrib), grid (windows at fixed places: what a proposer has to beat), multibox (a network), file (boxes that
others made: .mat of R-CNN, or .npz). Modes of selective-search: rcnn-fast, rcnn-quality, opencv-fast, opencv-quality,
single. --superpixel-scale 2 is the GoogLeNet paper's "superpixel size was increased by 2x", --multibox 200 its boxes.

--report prints, for the first 100, 500, 1,000 and 2,000 boxes of each photo and for all, the share of the annotated
objects that a box overlaps by 0.5 and by 0.7 (recall), its mean over overlaps of 0.5 to 0.95 (AR), and the average best
overlap (ABO; MABO is the mean of the classes'), the same by class and by size, and which objects no box reaches.
--ladder reports on the paper's steps (superpixels x1, x2, x2 with MultiBox) and sets them beside what the paper says;
its last step leaves out boxes that overlap a former one by more than 0.9, as a config with `multibox` does.
--out writes the report as a page, index.html, and as report.json.

Exit code: 0 every photo has proposals; 1 some photos could not be read; 2 it could not begin or not go on; 130 stopped.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from detection.command_line import Bars, console, help_text, new_app, run_command
from detection.converters.whole_file import whole_file
from detection.datasets.open import open_dataset
from detection.proposals.base import Proposer
from detection.proposals.precomputed import import_boxes
from detection.proposals.store import ProposalStore
from detection.report.proposals.figures import figures
from detection.report.proposals.measure import measure
from detection.report.proposals.naming import proposer_name
from detection.report.proposals.page import write_page
from detection.report.proposals.report import proposal_report
from detection.report.proposals.screen import on_screen

app = new_app()


@app.command(help=help_text(__doc__))
def propose(
    data: Annotated[str, typer.Option(help="the photos: a path, or format:path[:split]")],
    store: Annotated[Path, typer.Option(help="the folder in which proposals are kept")] = Path("runs/proposals"),
    split: Annotated[str | None, typer.Option(help="a part of the data set, such as trainval")] = None,
    method: Annotated[str, typer.Option(help="one of the methods above")] = "selective-search",
    mode: Annotated[str | None, typer.Option(help="of selective-search and opencv  [default: rcnn-fast]")] = None,
    superpixel_scale: Annotated[
        float | None, typer.Option(help="how much larger superpixels are  [default: 1]")
    ] = None,
    multibox: Annotated[int | None, typer.Option(min=0, help="boxes of a MultiBox to add  [--ladder: 200]")] = None,
    multibox_model: Annotated[str | None, typer.Option(help="a MultiBox: a file, or a bundled one")] = None,
    time_limit: Annotated[float | None, typer.Option(help="seconds of a photo, after which it gets a grid")] = None,
    boxes: Annotated[Path | None, typer.Option(help="of --method file: the boxes, .mat or .npz")] = None,
    origin: Annotated[str | None, typer.Option(help="of --method file: what made the boxes, in a few words")] = None,
    report: Annotated[bool, typer.Option("--report", help="measure how well objects are covered")] = False,
    ladder: Annotated[bool, typer.Option("--ladder", help="report on the paper's steps, beside the paper")] = False,
    out: Annotated[Path | None, typer.Option(help="report, and write a page and JSON into this folder")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="report, and write its numbers here")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="photos in work at once  [default: all cores]")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="print only the report, and what went wrong")] = False,
) -> int:
    """Propose for every photo, keep, measure, print, write."""
    options = {"mode": mode, "superpixel_scale": superpixel_scale, "time_limit": time_limit, "origin": origin}
    options |= {"multibox": multibox, "multibox_model": multibox_model}
    proposers = _proposers(method, options, ladder=ladder)
    if (boxes is None) == (method == "file"):
        raise ValueError("--method file and --boxes FILE go together")
    bars = Bars(quiet=quiet).show_log()
    dataset = open_dataset(data, split=split)
    count = workers or os.cpu_count() or 1
    with bars:
        if boxes is not None:
            photos = [(id, dataset.path(index)) for index, id in enumerate(dataset.ids)]
            import_boxes(boxes, photos, ProposalStore(store, *proposers.values()), bars)
        measured = [measure(name, dataset, each, store, count, bars) for name, each in proposers.items()]
    for one in [] if quiet else measured:
        summary = f"{one.covered.images:,} photos, {one.covered.proposals:,} proposals: {one.name}"
        console().print(f"{summary}; {one.timing}\nkept in {one.folder}")
    if report or ladder or out or json_file:
        made = proposal_report(_title(data, split), dataset, measured, ladder=ladder)
        for part in on_screen(made):
            console().print(part)
        for path in filter(None, (json_file, out and out / "report.json")):
            with whole_file(path) as file:
                json.dump(figures(made), file, indent=1, allow_nan=False)
        if out:
            write_page(out / "index.html", made, dataset)
            console().print(f"the page: {out / 'index.html'}")
    failed = {failure.photo for one in measured for failure in one.failures}
    if failed:
        print(f"{len(failed)} of {len(dataset)} photos have no proposals", file=sys.stderr)
    return 1 if failed else 0


def _proposers(method: str, options: Mapping[str, int | float | str | None], *, ladder: bool) -> dict[str, Proposer]:
    """What is to be measured, by the names that the report gives it."""
    from detection.build.methods import METHODS, ladder_configs, method_config  # PyTorch takes seconds: not for --help
    from detection.build.proposers import build_proposer

    if not ladder:
        proposer = build_proposer(method_config(method, options))
        return {proposer_name(method, proposer.settings): proposer}
    if method in METHODS and "superpixel_scale" not in METHODS[method].options:
        able = ", ".join(name for name, (_, known) in METHODS.items() if "superpixel_scale" in known)
        raise ValueError(f"--ladder is of {able}: leave out --method {method}")
    return {name: build_proposer(config) for name, config in ladder_configs(method, options).items()}


def _title(data: str, split: str | None) -> str:
    """What a report calls the photos: no folder of this machine is in it."""
    return " ".join(filter(None, (Path(data).name or "photos", split)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    stopped = "stopped: the proposals made so far are kept, and the same command goes on from there"
    return run_command(app, argv, name="propose.py", stopped=stopped)


if __name__ == "__main__":
    sys.exit(main())
