"""Find what spoils training in a data set, and say what to do; the data set itself is never touched.

    python tools/doctor.py --data VOCdevkit/VOC2007
    python tools/doctor.py --data VOCdevkit/VOC2007 --split trainval --split test --json findings.json
    python tools/doctor.py --data cells/ --proposals
    python tools/doctor.py --data coco:annotations/instances_train2017.json:train2017 --strict

It reads on where training would stop, and so finds all of it in one run: photos that are missing, truncated, or turned
by EXIF against their annotation; boxes without area, outside their photo, or drawn twice; broken records and ids;
photos that occur twice, or in more than one split (by a perceptual hash); class names that may mean the same, classes
without objects; annotation files that are missing or empty, or all of them; and objects too small for proposals.

Photos in which nothing is annotated are an error, for training refuses them, and so is a split without an object that
counts (difficult ones and crowds do not); --data folder:PATH looks at the photos alone.

Without --split all splits are looked at; lists that others make up, as trainval is train and val, are left out.
--proposals also tells which objects no proposal reaches: selective search runs once for each photo, as by
tools/propose.py, and keeps its boxes in --store.

A finding is an error (training refuses it, or learns or measures what is not so), a warning (probably wrong) or a note.
The screen shows the first cases of each; --json writes all of them.

Exit code: 0 nothing worse than notes; 1 errors, with --strict also warnings; 2 it could not begin; 130 stopped.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from detection.command_line import Bars, console, help_text, new_app, run_command
from detection.converters.whole_file import whole_file
from detection.doctor.contents import Contents
from detection.doctor.examine import examine
from detection.doctor.figures import figures
from detection.doctor.findings import findings
from detection.doctor.photos import Photo, look_at_all
from detection.doctor.reach import Reach, reach
from detection.doctor.read import read_contents
from detection.doctor.screen import class_table, findings_table, heading, reach_table, verdict

app = new_app()


@app.command(help=help_text(__doc__))
def doctor(
    data: Annotated[str, typer.Option(help="the data set: a path, or format:path[:split]")],
    split: Annotated[list[str] | None, typer.Option(help="a part of it, such as train; may be repeated")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write every finding here")] = None,
    proposals: Annotated[bool, typer.Option("--proposals", help="find objects that no proposal reaches")] = False,
    store: Annotated[Path, typer.Option(help="the folder in which proposals are kept")] = Path("runs/proposals"),
    strict: Annotated[bool, typer.Option("--strict", help="warnings count as problems, too")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="photos in work at once  [default: all cores]")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what was found")] = False,
) -> int:
    """Read, look, print, write."""
    count = workers or os.cpu_count() or 1
    screen = console()
    with Bars(quiet=quiet) as bars:
        contents = read_contents(data, split or (), bars)
        for written in filter(None, (json_file, store if proposals else None)):
            _refuse_inside(contents.root, written)
        started = time.perf_counter()
        photos = look_at_all((entry.photo for entry in contents.entries), bars, count)
        seconds = time.perf_counter() - started
        cases = list(examine(contents, photos))
        reached = _reached(contents, photos, store, count, bars) if proposals else None
    found = findings([*cases, *(reached.cases if reached else ())])
    if not quiet:
        screen.print(heading(contents))
        screen.print(
            f"{len(photos):,} photos in {seconds:.1f} s: {len(photos) / seconds:.0f} a second, {count} at once"
        )
        for part in class_table(contents, found):
            screen.print(part)
    for part in reach_table(reached) if reached else ():
        screen.print(part)
    if found:
        screen.print(findings_table(found))
    screen.print(verdict(found))
    if json_file:
        with whole_file(json_file) as file:
            json.dump(figures(contents, found, reached), file, indent=1, allow_nan=False)
    bad = {"error", "warning"} if strict else {"error"}
    return 1 if any(one.kind.severity in bad for one in found) else 0


def _reached(contents: Contents, photos: dict[Path, Photo], store: Path, workers: int, bars: Bars) -> Reach:
    """The proposals of tools/propose.py's usual method; what they need is imported only here, for it takes seconds."""
    from detection.build.methods import method_config
    from detection.build.proposers import build_proposer
    from detection.proposals.store import ProposalStore

    proposer = build_proposer(method_config("selective-search", {}))
    return reach(contents.entries, photos, ProposalStore(store, proposer), workers, bars)


def _refuse_inside(root: Path, path: Path) -> None:
    """The data set is not written to, not even where that is asked for."""
    if root.is_dir() and path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{path} lies in the data set {root}, which is not touched; name another place")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    return run_command(app, argv, name="doctor.py")


if __name__ == "__main__":
    sys.exit(main())
