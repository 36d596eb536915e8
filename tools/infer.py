"""Detect objects in photos: boxes drawn, a page to look at, and files for other programs.

    python tools/infer.py photos/
    python tools/infer.py photos/ more/ cat.jpg --out runs/cats --threshold 0.3
    python tools/infer.py photos/ --model runs/cars/model.safetensors --format coco,csv
    python tools/infer.py photos/ --model a.safetensors --model b.safetensors --model c.safetensors
    python tools/infer.py --data VOCdevkit/VOC2007:test --out runs/test

Folders are searched with all their subfolders. Several --model are an ensemble: their scores are averaged on the same
regions. In --out (by default runs/<name of the first PATH>) lie

    index.html         the photos with their boxes: a page that needs no network; score and classes are chosen on it
    annotated/         every photo with its boxes drawn, by its own name
    detections.jsonl   everything that scores 0.01 or more, a line a photo, so that tools/evaluate.py can measure it
    errors.csv         photos that could not be worked on, and why; only if there are any
    run.json           the model and the settings
    coco/ voc/ ilsvrc/ detections.csv     as --format says

A run that was stopped goes on where it was: give the same command again. Photos that are done are not looked at again;
another --threshold only draws them anew.

Exit code: 0 all photos are done; 1 the run is finished, but some photos failed (errors.csv); 2 it could not begin or
not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

import errno
import hashlib
import logging
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import detection
from detection.inference.find import Failure, Found, Photo, find_photos
from detection.inference.folder import JSON, OtherRunError, RunFolder, RunFolderError, open_run
from detection.inference.formats import FORMATS, check_formats, write_formats
from detection.inference.run import Begun, Draw, reopen, run
from detection.inference.stream import SCORE_FLOOR, DetectorError, Predictor
from detection.report.colours import class_colours
from detection.report.drawing import draw_detections
from detection.report.gallery import MOST_PAGES, PAGE_PHOTOS, Gallery, write_gallery
from detection.results import iterate_detections

BUNDLED = "voc5"
THRESHOLD = 0.5
TABLE_ROWS = 40
STOPPED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# click's UsageError: some versions of typer import click, some contain it
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def load(models: Sequence[str], device: str, top: int | None, seed: int) -> Predictor:
    """The detector; without ``models`` the bundled one."""
    import torch

    from detection.build import load_detector

    torch.manual_seed(seed)
    return load_detector(models or None, device=device, top=top)


def photos_of(data: str) -> Found:
    """The photos of a data set, under its own ids, so that its annotations can be compared with what is found."""
    from detection.datasets.open import open_dataset

    dataset = open_dataset(data)
    photos = tuple(Photo(image_id, dataset.path(index)) for index, image_id in enumerate(dataset.ids))
    return Found(Path(data), photos, ())


@app.command(help="\b\n" + str(__doc__).replace("\n\n", "\n\n\b\n"))
def infer(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="photos and folders of photos")] = None,
    data: Annotated[str | None, typer.Option(help="instead of PATH: a data set, DIR or DIR:SPLIT")] = None,
    model: Annotated[list[str] | None, typer.Option(help="a model file; several are an ensemble")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="look at the N best regions of a photo only")] = None,
    threshold: Annotated[
        float, typer.Option(min=SCORE_FLOOR, help="draw and show what scores so much; detections.jsonl keeps the rest")
    ] = THRESHOLD,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    out: Annotated[Path | None, typer.Option(help="the folder of the results")] = None,
    formats: Annotated[str, typer.Option("--format", help=f"write {','.join(FORMATS)} too (one or more)")] = "",
    annotate: Annotated[bool, typer.Option("--annotate/--no-annotate", help="draw every photo")] = True,
    page: Annotated[bool, typer.Option("--page/--no-page", help="make the page")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="begin anew in --out")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what went wrong")] = False,
    seed: Annotated[int, typer.Option(help="of what is drawn by lot")] = 0,
) -> int:
    """Find the photos, load the detector, run, write, print."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING if quiet else logging.INFO)
    if bool(paths) == (data is not None):
        raise ValueError(
            "give PATHs, photos and folders, or a data set with --data, and not both (--help shows examples)"
        )
    out = out or Path("runs") / (_name(paths[0].resolve()) if paths else _data_name(str(data)))
    found = find_photos(paths, leave_out=out) if paths else photos_of(str(data))
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    check_formats(wanted, (photo.id for photo in found.photos))
    settings: dict[str, JSON] = {"version": _version(), "model": [_fingerprint(name) for name in model or [BUNDLED]]}
    detector = load(model or [], device, top, seed)
    settings |= {"top": top, "seed": seed, "photos": str(found.root)}
    with open_run(out, settings, overwrite=overwrite) as folder:
        draw = partial(draw_detections, threshold=threshold, colours=class_colours(detector.class_names))
        if annotate:
            folder.forget_drawings(threshold)
        failures = _run(found, detector, folder, draw if annotate else None, quiet=quiet)
        write_formats(wanted, folder.detections, detector.class_names, out)
        if page:
            made_by = f"googlenet-rcnn {_version()} · {', '.join(Path(name).name for name in model or [BUNDLED])}"
            _write_page(folder, _name(found.root), detector.class_names, threshold, failures, made_by)
        if not quiet:
            _show(folder, threshold, page=page)
    if failures:
        where = _printable(str(folder.errors))
        print(f"{len(failures)} of {len(found.photos)} photos failed: see {where}", file=sys.stderr)
    return 1 if failures else 0


def _run(found: Found, detector: Predictor, folder: RunFolder, draw: Draw | None, *, quiet: bool) -> list[Failure]:
    """Run with a progress bar; gives the failures."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("photos"), TimeElapsedColumn(), TimeRemainingColumn())
    failures = []
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task("photos", total=None)
        for outcome in run(found, detector, folder, draw=draw):
            if isinstance(outcome, Begun):
                progress.update(task, total=outcome.left)
                if outcome.done and not quiet:
                    console.print(f"{outcome.done} photos are done already")
                continue
            progress.advance(task)
            if isinstance(outcome, Failure):
                failures.append(outcome)
                console.print(Text(f"failed: {_printable(str(outcome.path))}: {_printable(outcome.reason)}"))
    return failures


def _write_page(
    folder: RunFolder, title: str, classes: Sequence[str], threshold: float, failures: Sequence[Failure], made_by: str
) -> None:
    records = (record for _, record in iterate_detections(folder.detections))
    count = sum(1 for _ in iterate_detections(folder.detections))
    failed = [(str(failure.path), failure.reason) for failure in failures]
    gallery = Gallery(title, count, classes, threshold, failed, folder.drawing_address, made_by)
    opened = reopen(islice(records, MOST_PAGES * PAGE_PHOTOS))
    write_gallery(
        folder.path, gallery, ((record, None if isinstance(image, Failure) else image) for record, image in opened)
    )


def _show(folder: RunFolder, threshold: float, *, page: bool) -> None:
    """Print a table of the first photos, the sums over all, and where to look."""
    table = Table("photo", f"detections that score {threshold:g} or more", "seconds")
    table.columns[2].justify = "right"
    photos, detections, seconds = 0, 0, 0.0
    for _, record in iterate_detections(folder.detections):
        shown = np.flatnonzero(record.scores >= threshold)
        photos, detections, seconds = photos + 1, detections + len(shown), seconds + record.seconds
        if photos <= TABLE_ROWS:
            best_first = shown[np.argsort(-record.scores[shown], kind="stable")]
            found = ", ".join(f"{record.labels[row]} {record.scores[row]:.2f}" for row in best_first) or "-"
            table.add_row(Text(_printable(record.id)), Text(_printable(found)), f"{record.seconds:.2f}")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    if photos > TABLE_ROWS:
        console.print(f"... and {photos - TABLE_ROWS:,} photos more")
    console.print(f"{detections:,} detections in {photos:,} photos, {seconds / max(photos, 1):.2f} seconds a photo")
    console.print(Text(f"look at {_printable(str(folder.page if page else folder.path))}"))


def _name(path: Path) -> str:
    return (path.name if path.is_dir() else path.stem) or "photos"


def _data_name(data: str) -> str:
    """A folder name for the results of a data set's address."""
    return "-".join(part for part in data.replace(":", "/").split("/")[-2:] if part.strip(".")) or "photos"


def _printable(text: str) -> str:
    """``text`` in one line that any terminal takes: control characters and stray bytes as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _version() -> str:
    try:
        return version("googlenet-rcnn")
    except PackageNotFoundError:
        return "not installed"


def _fingerprint(model: str) -> str:
    """What tells a model from another: its name and what is in its file."""
    for path in (Path(model), Path(detection.__file__).parent / "models" / f"{model}.safetensors"):
        if path.is_file():
            with path.open("rb") as file:
                return f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    return model


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    try:
        code = app(argv, standalone_mode=False, prog_name="infer.py") or 0
        if code == STOPPED:  # what typer makes of Ctrl-C; older versions raise Abort
            raise KeyboardInterrupt
        return code
    except (KeyboardInterrupt, typer.Abort):
        print("stopped: what was found so far is saved, and the same command goes on from there", file=sys.stderr)
        return STOPPED
    except USAGE_ERROR as error:
        message = f"{error.format_message()} (--help shows examples)"
    except RunFolderError as error:
        anew = ", or begin anew with --overwrite" if isinstance(error, OtherRunError) else ""
        message = f"{error}: choose another --out{anew}"
    except (ValueError, OSError, DetectorError) as error:
        message = str(error)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            message += ": make room and give the same command again; what was found so far is saved"
    print("error:", _printable(" ".join(message.split())), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
