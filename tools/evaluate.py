"""Average precision of detections, class by class and on the mean, as the official devkits measure it.

    python tools/evaluate.py runs/cars/detections.jsonl --data VOCdevkit/VOC2007 --split test
    python tools/evaluate.py results/ --data VOCdevkit/VOC2007 --protocol voc07 --classes bus,car,train
    python tools/evaluate.py results.json --data annotations/instances_val2017.json --protocol coco --json ap.json
    python tools/evaluate.py submission.txt --data ILSVRC2014_DET --split val --protocol ilsvrc --against paper
    python tools/evaluate.py runs/cars/detections.jsonl --data VOCdevkit/VOC2007 --split test --explain --html cars.html
    python tools/evaluate.py runs/new/ --data VOCdevkit/VOC2007 --split test --compare runs/old/

DETECTIONS is a detections file (JSON Lines), a folder of VOC text files (comp4_det_test_<class>.txt, plain or .gz),
a list of COCO results (.json), ILSVRC's seven columns, or a table (.csv). Neither a model nor a GPU is needed.

Protocols: voc07 (11 recall points, VOC2007 to 2009), voc10 (area under the curve, from VOC2010 on), ilsvrc (as voc10,
lower overlap for small objects, another matching), coco (mean over the overlaps .50 to .95, by pycocotools). Without
--protocol: coco for a COCO file, ilsvrc for its 200 classes, otherwise voc07,voc10. Without --split: the one that the
names of VOC's text files say, or that of the data set. Images that DETECTIONS does not name count as images in which
nothing was found. A class without objects, as one that only other splits show, has no average precision and no part in
the mean.

Why this number: --explain prints how far the mean would move with other photos, what every kind of error costs, and
which detections each further protocol judges otherwise, by which rule. --proposals takes a store that tools/propose.py
filled, and tells missed objects that no proposal reaches from those that the selection or the classifier dropped.
--compare sets the result against OTHER on the same photos and says whether they are enough to tell the two apart.
--html writes all of it as one page, with the photos that have the most errors. All this is about the first protocol;
that of coco is its AP50, here "coco at .5". --against paper sets the result into the paper's Tables 4 and 5 where it
is of all of ILSVRC's test set, and below them where it is of other data.

--json writes for each protocol mean_ap, median_ap, classes_in_mean and classes: for each its ap, positives (objects to
find), detections, and the recall and precision after the last detection; for coco also its twelve figures (AP, AP50,
AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl), and recall and precision are those at an overlap of .50. What is
undefined is null. What --explain, --compare and --html show is beside the protocols, as analysis; an image there is its
place in image_ids.
"""

import json
import logging
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from detection.command_line import console, help_text, installed_version, new_app, printable, run_command
from detection.converters.read_any import RUN_FILE, splits_of
from detection.converters.whole_file import whole_file
from detection.datasets.open import find_dataset
from detection.evaluation.analysis import PROTOCOLS, Analysis
from detection.evaluation.doubts import doubts, doubts_of_classes
from detection.evaluation.ilsvrc import ILSVRC
from detection.evaluation.naming import UnknownClassError, UnknownImageError
from detection.evaluation.result import Evaluation
from detection.evaluation.tables import DetectionTable
from detection.report.average_precision import class_table, figures_line, mean_line
from detection.report.evaluation.answer import analysed
from detection.report.evaluation.own_result import detection_tables
from detection.report.evaluation.page import EvaluationReport, write_page
from detection.report.evaluation.reach import MissingProposalsError, stored_proposals
from detection.report.evaluation.screen import comparison_lines, why
from detection.report.paper import paper_table
from detection.report.question import Question, answered, ask, chosen, protocols_of

app = new_app()
logger = logging.getLogger("evaluate")


@app.command(help=help_text(__doc__))
def evaluate(
    detections: Annotated[Path, typer.Argument(metavar="DETECTIONS", help="what was found")],
    data: Annotated[str, typer.Option(help="the annotated images: a path, or format:path[:split]")],
    split: Annotated[str | None, typer.Option(help="a part of the data set, such as test")] = None,
    protocol: Annotated[str | None, typer.Option(help=f"one or more of {','.join(PROTOCOLS)}")] = None,
    classes: Annotated[str | None, typer.Option(help="only these, separated by commas")] = None,
    images: Annotated[Path | None, typer.Option(help="only the images of this list, an id a line")] = None,
    blacklist: Annotated[Path | None, typer.Option(help="ILSVRC's list of images and classes not to count")] = None,
    ignore_unknown_classes: Annotated[bool, typer.Option("--ignore-unknown-classes", help="leave them out")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="what errors cost, and why protocols differ")] = False,
    proposals: Annotated[Path | None, typer.Option(help="explain, with what this proposals store reaches")] = None,
    compare: Annotated[Path | None, typer.Option(metavar="OTHER", help="other detections to set these against")] = None,
    against: Annotated[str | None, typer.Option(metavar="paper", help="set the result into Tables 4 and 5")] = None,
    html: Annotated[Path | None, typer.Option(help="write it all as a page")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the numbers here too")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="print the means, not the table of the classes")] = False,
) -> None:
    """Read, evaluate, print, write."""
    if against not in {None, "paper"}:
        raise ValueError(f"--against {against}: there is only --against paper; --compare sets two results against")
    place = find_dataset(data, split)
    _keep_inputs([detections, compare, images, blacklist, place.path], {"--html": html, "--json": json_file})
    asking = partial(_ask, partial(ask, data, split, images, blacklist, detections), classes)
    read = partial(_read, (detections, compare), ignore=ignore_unknown_classes, some=classes is not None)
    question, (found, rival) = answered(asking, read)
    protocols = _protocols(protocol or question.usual_protocols, blacklist)
    boxes = stored_proposals(proposals, question) if proposals else None
    results = [question.measure(name, found) for name in protocols]
    _warn(doubts_of_classes(results[0]))
    analysis = None
    if explain or proposals or compare or html:
        names = (str(compare), str(detections))
        analysis = analysed(question, protocols, found, proposals=boxes, rival=rival, names=names)
    _show(results, quiet=quiet)
    if analysis and (explain or proposals):
        _print(why(analysis, question.ids))
    if analysis and compare:
        _print(comparison_lines(analysis))
    if against:
        options = {"--data": data, "--split": split, "--classes": classes, "--images": images, "--blacklist": blacklist}
        command = _command("evaluate.py", [detections], options)
        for table in detection_tables(question, results, detections, place, command):
            _print(paper_table(table))
    if analysis and html:
        _write_page(html, question, results, analysis, "/".join(detections.parts[-2:]))
    if json_file:
        _write_json(json_file, question, results, analysis)


def _keep_inputs(inputs: Iterable[Path | None], outputs: Mapping[str, Path | None]) -> None:
    """Raise ``ValueError`` where an output would take the place of an input, or of the other output."""
    taken = {file.resolve() for path in inputs if path for file in (path, path / RUN_FILE)}
    for option, path in outputs.items():
        if path and path.resolve() in taken:
            raise ValueError(f"{option} {path}: is another file of this command, which it would overwrite")
        taken |= {path.resolve()} if path else set()


def _protocols(text: str, blacklist: Path | None) -> list[str]:
    """Those of a list; raises ``ValueError`` where none of them takes the blacklist."""
    protocols = protocols_of(text)
    if blacklist and ILSVRC.name not in protocols:
        raise ValueError(f"--blacklist {blacklist}: {', '.join(protocols)} has none; only --protocol {ILSVRC.name} has")
    return protocols


def _ask(asking: Callable[[Collection[str]], Question], classes: str | None, named: Collection[str]) -> Question:
    """The question about some classes, or about all; ``named`` are those of the detections."""
    if classes is None:
        return asking(named)
    question = asking([*named, *map(str.strip, classes.split(","))])
    return question.only(chosen(classes, question.names.label, question.names.names, "class"))


def _read(
    files: tuple[Path, Path | None], question: Question, *, ignore: bool, some: bool
) -> tuple[DetectionTable, DetectionTable | None]:
    """The detections of a file and, where there is one, its rival, with a warning of every oddity.

    Where ``some`` classes are chosen others are no oddity.
    """
    read = [question.read(path, ignore_unknown_classes=ignore or some) for path in files if path]
    for found, whose in zip(read, ("", f"{files[1]}: "), strict=False):
        asked = replace(found, left_out={}) if some and len(found.table) else found
        _warn(f"{whose}{doubt}" for doubt in doubts(asked))
    return read[0].table, read[1].table if len(read) > 1 else None


def _warn(doubts: Iterable[str]) -> None:
    for doubt in doubts:
        logger.warning("%s", doubt)


def _print(parts: Iterable[RenderableType]) -> None:
    for part in parts:
        console().print(part)


def _show(results: Sequence[Evaluation], *, quiet: bool) -> None:
    if not quiet:
        _print([class_table(results)])
    for result in results:
        _print(filter(None, (mean_line(result), figures_line(result))))


def _write_page(path: Path, question: Question, results: Sequence[Evaluation], analysis: Analysis, title: str) -> None:
    made_by = f"googlenet-rcnn {installed_version() or 'not installed'}"
    write_page(path, EvaluationReport(title, question.dataset, question.images, results, analysis, made_by))
    console().print(f"look at {printable(str(path))}")


def _write_json(path: Path, question: Question, results: Sequence[Evaluation], analysis: Analysis | None) -> None:
    written: dict[str, object] = {result.protocol: result.summary() for result in results}
    if analysis:
        written["analysis"] = {"image_ids": question.ids, **analysis.summary()}
    with whole_file(path) as file:
        json.dump(written, file, indent=1, allow_nan=False)


def _command(tool: str, arguments: Sequence[object], options: Mapping[str, object]) -> str:
    """What to type; an option that is ``None`` was not given."""
    given = [word for option in options.items() if option[1] is not None for word in option]
    return shlex.join(map(str, ["python", f"tools/{tool}", *arguments, *given]))


def _advice(words: Sequence[str], error: Exception) -> str:
    """What to type instead; ``words`` are the command's."""
    again = f"python tools/evaluate.py {shlex.join(words)}"
    if isinstance(error, UnknownClassError):
        return f"; to leave them out: {again} --ignore-unknown-classes"
    if isinstance(error, UnknownImageError):
        named = {name for word in words if Path(word).exists() for name in splits_of(Path(word))[-1:]}
        splits = [f"; is {name!r} the split? {again} --split {name}" for name in named if name not in words]
        return splits[0] if splits else " (is --split the part that the detections are of?)"
    if isinstance(error, MissingProposalsError):
        given, how = dict(pairwise(words)), error.options()
        if how is None:
            return "; tools/propose.py makes them, with what is in settings.json there"
        options = {name: given.get(name) for name in ("--data", "--split")} | how
        return f"; to make them: {_command('propose.py', [], options)}"
    return ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 where the input is bad, told in one line."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
    words = sys.argv[1:] if argv is None else argv
    return run_command(app, argv, name="evaluate.py", advice=partial(_advice, words))


if __name__ == "__main__":
    sys.exit(main())
