"""Detect objects in photos: boxes drawn, a page to look at, and files for other programs.

    python tools/infer.py photos/
    python tools/infer.py photos/ more/ cat.jpg --out runs/cats --threshold 0.3
    python tools/infer.py photos/ --classes cat,person
    python tools/infer.py photos/ --model runs/cars/last.safetensors --format coco,csv
    python tools/infer.py photos/ --model a.safetensors --model b.safetensors --model c.safetensors
    python tools/infer.py --data VOCdevkit/VOC2007:test --out runs/test --store runs/proposals
    python tools/infer.py photos/ --time-limit 2 --proposals mode=single --allow-other-proposals
    python tools/infer.py photos/ --set box_regression=none --set voting=null

Folders are searched with all their subfolders. A --model is a file, a bundled name, a list of files (.txt, one a line),
or a folder of members that tools/ensemble.py trained; several are an ensemble: their scores are averaged on the same
regions. In --out (by default runs/<name of the first PATH>) lie

    index.html         the photos with their boxes: a page that needs no network; score and classes are chosen on it
    annotated/         every photo with its boxes drawn, by its own name
    detections.jsonl   everything, down to low scores, a line a photo, so that tools/evaluate.py can measure it
    errors.csv         photos that could not be worked on, and why; only if there are any
    run.json           the model and the settings
    coco/ voc/ yolo/ ilsvrc/ detections.csv   as --format says; in voc/ a blank in a photo's name is written %20;
                       in coco/ and ilsvrc/ images and classes have the numbers that they have in --data

--store reads regions that tools/propose.py or a training kept, and keeps new ones. A photo whose regions take longer
than --time-limit is searched on a grid instead, and its line says so. --proposals changes a setting of the model's
regions (a key of `proposals` in a config); a detector does worse on other regions than those it was trained with, so
that one asks for --allow-other-proposals too. --set changes how regions are scored and suppressed (a key of `detection`
in a config).

A run that was stopped goes on where it was: give the same command again. Photos that are done are not looked at again,
unless their file was replaced; another --threshold, or other --classes, only draw them anew. The page, the
printed table and the files of --format are of the photos that are asked for now; detections.jsonl keeps those that were
asked for before.

--threshold is a score, such as 0.3, or a rule that was fitted on validation photos and travels in the model's file:
best-f1, or precision=0.9, each class's lowest score from which 90% were right. Without it best-f1 is taken where the
model knows it, and 0.5 where not. detections.jsonl keeps the rest.

--classes draws, lists and writes (--format) these classes alone, by the numbers that they have among all of the model;
detections.jsonl keeps all.

Exit code: 0 all photos are done; 1 the run is finished, but some photos failed (errors.csv); 2 it could not begin or
not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.command_line import Bars, console, counted, help_text, installed_version, new_app, printable, run_command
from detection.inference.find import Failure, Found, find_photos, photos_of
from detection.inference.folder import OtherRunError, RunFolder, open_run
from detection.inference.formats import FORMATS, check_formats, write_formats
from detection.inference.manifest import RunFolderError
from detection.inference.models import BUNDLED, fingerprints
from detection.inference.outputs import outdated
from detection.inference.run import Begun, Outcome, reopen, run
from detection.inference.stream import DetectorError
from detection.proposals.base import JSON
from detection.report.chosen import Chosen
from detection.report.gallery import MOST_PAGES, PAGE_PHOTOS, Gallery, write_gallery
from detection.report.summary import failed_words, summarise
from detection.report.view import View, view_of
from detection.results import ImageDetections, read_detections
from detection.structures import Proposals, RGBImage

if TYPE_CHECKING:
    from detection.detector import RegionDetector

VERSION = installed_version() or "not installed"

app = new_app()


def load(
    models: Sequence[str],
    device: str,
    top: int | None,
    proposals: Sequence[str],
    other_proposals: bool,
    detection: Sequence[str] = (),
) -> RegionDetector:
    """The detector; without ``models`` the bundled one."""
    from detection.build import load_detector

    return load_detector(
        models or None,
        device=device,
        top=top,
        proposals=proposals,
        detection=detection,
        allow_other_proposals=other_proposals,
    )


def proposals_of(store: Path | None, detector: RegionDetector) -> Callable[[Path, RGBImage], Proposals]:
    """What gives a photo's regions: from a store, or made and kept there; without a store they are made."""
    from detection.proposals.store import ProposalStore

    return ProposalStore(store, detector.proposer).proposals if store else lambda _, image: detector.proposer(image)


@app.command(help=help_text(__doc__))
def infer(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="photos and folders of photos")] = None,
    data: Annotated[str | None, typer.Option(help="instead of PATH: a data set, DIR or DIR:SPLIT")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="a model file, a bundled name or a folder; several: an ensemble")
    ] = None,
    top: Annotated[int | None, typer.Option(min=1, help="look at the N best regions of a photo only")] = None,
    threshold: Annotated[
        str | None, typer.Option(help="lowest score to draw and list: 0.3, best-f1 or precision=0.9")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="draw, list and write these classes alone")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="the folder in which regions are kept")] = None,
    time_limit: Annotated[float | None, typer.Option(help="seconds that a photo's regions may take")] = None,
    proposals: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="change how regions are proposed: mode=single")
    ] = None,
    allow_other_proposals: Annotated[
        bool, typer.Option("--allow-other-proposals", help="take regions of another kind than it was trained on")
    ] = False,
    detection: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change how they are scored: suppression=0.3")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    out: Annotated[Path | None, typer.Option(help="the folder of the results")] = None,
    formats: Annotated[str, typer.Option("--format", help=f"write {','.join(FORMATS)} too (one or more)")] = "",
    annotate: Annotated[bool, typer.Option("--annotate/--no-annotate", help="draw every photo")] = True,
    page: Annotated[bool, typer.Option("--page/--no-page", help="make the page")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="begin anew in --out")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what went wrong")] = False,
) -> int:
    """Find the photos, load the detector, run, write, print."""
    from detection.build.proposers import warm_up
    from detection.runtime import choose_device, spare_threads

    if bool(paths) == (data is not None):
        raise ValueError(
            "give PATHs, photos and folders, or a data set with --data, and not both (--help shows examples)"
        )
    bars = Bars(quiet=quiet).show_log()
    out = out or Path("runs") / (_name(paths[0].resolve()) if paths else _data_name(str(data)))
    found = find_photos(paths, leave_out=out) if paths else photos_of(str(data))
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    check_formats(wanted, (photo.id for photo in found.photos))
    changes = [*(proposals or []), *([] if time_limit is None else [f"time_limit={time_limit}"])]
    settings = _settings(model or [BUNDLED], top, found.root, {"proposals": changes, "detection": detection or []})
    detector = load(model or [], device, top, changes, allow_other_proposals, detection or [])
    check_formats(wanted, (), detector.class_names)
    view = view_of(detector, threshold, classes)
    for note in filter(None, (str(found.left_out), view.note)):
        bars.tell(printable(note))
    ahead = spare_threads(choose_device(device))  # on a GPU the next photos' regions are proposed meanwhile
    regions = proposals_of(store, detector) if store or ahead else None
    with open_run(out, settings, overwrite=overwrite) as folder:
        if annotate:
            folder.forget_drawings(view.drawn_as)
        with bars:
            draw = view.draw() if annotate else None
            ready = partial(warm_up, detector.proposer)
            steps = run(found, detector, folder, draw=draw, proposals_of=regions, ahead=ahead, warm_up=ready)
            failures = _run(steps, found, bars)
            seen = Chosen(folder.detections, {photo.id for photo in found.photos}, view.classes)
            count = sum(1 for _ in seen)
            if page and (count or not failures):
                made_by = f"googlenet-rcnn {VERSION} · {', '.join(Path(name).name for name in model or [BUNDLED])}"
                gallery = _gallery(_name(Path(data or found.root)), made_by, view, folder, found, failures, count)
                _write_page(folder, seen, gallery, bars)
            if count or not failures:
                write_formats(wanted, seen, detector.class_names, out, found.numbers)
        if not quiet and (count or not failures):
            table, lines = summarise(seen, view.threshold, view.words)
            last = f"look at {printable(str(folder.page if page else out))}"
            console().print(table, *lines, *_left_in(folder, count), last, sep="\n")
    return _tell_failures(failures, found, folder, count)


def _settings(
    models: Sequence[str], top: int | None, root: str, changes: Mapping[str, Sequence[str]]
) -> dict[str, JSON]:
    """What a run is of: in a folder with one of other settings it is refused."""
    files: list[JSON] = [one for name in models for one in fingerprints(name)]
    given: dict[str, JSON] = {section: list(asked) for section, asked in changes.items() if asked}
    return {"version": VERSION, "model": files, "top": top, "photos": root, **given}


def _run(outcomes: Iterable[Begun | Outcome], found: Found, bars: Bars) -> list[Failure]:
    """Go through a run with a progress bar; gives the failures."""
    failures, left, photos = [], 0, set[Path]()
    for outcome in outcomes:
        if isinstance(outcome, Begun):
            left = outcome.left
            if outcome.done:
                bars.tell(f"{counted(outcome.done, 'photo')} done already")
            if outcome.replaced:
                bars.tell(f"{counted(outcome.replaced, 'photo')} replaced since, to be looked at again")
            continue
        if isinstance(outcome, Failure):
            failures.append(outcome)
            bars.console.print(f"failed: {printable(str(outcome.path))}: {printable(outcome.reason)}")
        if outcome not in found.unreadable:
            photos.add(outcome.path if isinstance(outcome, Failure) else Path(outcome.record.path))
            bars("photos", len(photos), left)
    return failures


def _gallery(
    title: str, made_by: str, view: View, folder: RunFolder, found: Found, failures: Sequence[Failure], count: int
) -> Gallery:
    """The page's words; it links to the drawings where they show the same as the page."""
    failed = [(str(failure.path), failure.reason) for failure in failures]
    link = folder.drawing_address if folder.shows(view.drawn_as) else None
    return Gallery(title, count, view.classes, view.threshold, failed, link, made_by, folders=len(found.unreadable))


def _write_page(folder: RunFolder, seen: Chosen, gallery: Gallery, bars: Bars) -> None:
    most = min(gallery.count, MOST_PAGES * PAGE_PHOTOS)

    def pictures() -> Iterator[tuple[ImageDetections, RGBImage | str]]:
        for done, (record, image) in enumerate(reopen(islice(seen, most)), start=1):
            yield record, image.reason if isinstance(image, Failure) else image
            bars("page", done, most)

    write_gallery(folder.path, gallery, pictures())


def _left_in(folder: RunFolder, count: int) -> list[str]:
    """What lies in a run's folder and is not of the ``count`` photos of now, or not as they are now."""
    others = sum(1 for _ in read_detections(folder.detections)) - count
    more = [f"{counted(others, 'photo')} more in detections.jsonl, not asked for now"] if others else []
    older = ", ".join(outdated(folder.path))
    return [*more, *([f"older than detections.jsonl, as not asked for now: {older}"] if older else [])]


def _tell_failures(failures: Sequence[Failure], found: Found, folder: RunFolder, count: int) -> int:
    """Say on stderr what failed, and give the exit code."""
    folders = len(found.unreadable)
    words = failed_words(len(failures) - folders, folders, of=len(found.photos))
    if failures and not count:
        print(f"no photo could be worked on ({words})", file=sys.stderr)
    elif failures:
        print(f"{words}: see {printable(str(folder.errors))}", file=sys.stderr)
    return 1 if failures else 0


def _name(path: Path) -> str:
    return (path.name if path.is_dir() else path.stem) or "photos"


def _data_name(data: str) -> str:
    """A folder name for the results of a data set's address."""
    return "-".join(part for part in data.replace(":", "/").split("/")[-2:] if part.strip(".")) or "photos"


def _advice(error: Exception) -> str:
    if isinstance(error, OtherRunError):
        return ": choose another --out, or begin anew with --overwrite"
    if isinstance(error, RunFolderError):
        return ": choose another --out"
    return ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    stopped = "stopped: what was found so far is saved, and the same command goes on from there"
    errors = (ValueError, OSError, DetectorError)
    again = "give the same command again; what was found so far is saved"
    return run_command(app, argv, name="infer.py", stopped=stopped, again=again, advice=_advice, errors=errors)


if __name__ == "__main__":
    sys.exit(main())
