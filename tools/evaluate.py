"""Average precision of detections, class by class and on the mean, as the official devkits measure it.

    python tools/evaluate.py runs/cars/detections.jsonl --data VOCdevkit/VOC2007 --split test
    python tools/evaluate.py results/ --data VOCdevkit/VOC2007 --split test --protocol voc07 --classes bus,car,train
    python tools/evaluate.py submission.txt --data ILSVRC2014_DET --split val --protocol ilsvrc --json ap.json

DETECTIONS is a detections file (JSON Lines), a folder of VOC text files (comp4_det_test_<class>.txt, plain or .gz),
a list of COCO results (.json), ILSVRC's seven columns, or a table (.csv). Neither a model nor a GPU is needed.

Protocols: voc07 (11 recall points, VOC2007 to 2009), voc10 (area under the curve, from VOC2010 on), ilsvrc (as voc10,
lower overlap for small objects, another matching). Images that DETECTIONS does not name count as images in which
nothing was found. A class without objects has no average precision and no part in the mean.

--json writes for each protocol mean_ap, median_ap, classes_in_mean and classes: for each its ap, positives (objects to
find), detections, and the recall and precision after the last detection. What is undefined is null.
"""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detection.converters.read_any import read_any
from detection.converters.whole_file import whole_file
from detection.datasets.base import Dataset, did_you_mean
from detection.datasets.ilsvrc import det_200
from detection.datasets.open import open_dataset
from detection.evaluation.ilsvrc import ilsvrc, read_blacklist
from detection.evaluation.naming import ClassNames, Placed, UnknownClassError, UnknownImageError, place
from detection.evaluation.result import Evaluation
from detection.evaluation.tables import DetectionTable
from detection.evaluation.voc import voc07, voc10

Found = TypeVar("Found")
PROTOCOLS = ("voc07", "voc10", "ilsvrc")
# click's UsageError: some versions of typer import click, some contain it
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
logger = logging.getLogger("evaluate")


@app.command(help="\b\n" + str(__doc__).replace("\n\n", "\n\n\b\n"))
def evaluate(
    detections: Annotated[Path, typer.Argument(metavar="DETECTIONS", help="what was found")],
    data: Annotated[str, typer.Option(help="the annotated images: a path, or format:path[:split]")],
    split: Annotated[str | None, typer.Option(help="a part of the data set, such as test")] = None,
    protocol: Annotated[str, typer.Option(help=f"one or more of {','.join(PROTOCOLS)}")] = "voc07,voc10",
    classes: Annotated[str | None, typer.Option(help="only these, separated by commas")] = None,
    images: Annotated[Path | None, typer.Option(help="only the images of this list, an id a line")] = None,
    blacklist: Annotated[Path | None, typer.Option(help="ILSVRC's list of images and classes not to count")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the numbers here too")] = None,
    ignore_unknown_classes: Annotated[bool, typer.Option("--ignore-unknown-classes", help="leave them out")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="print the means alone")] = False,
) -> None:
    """Read, evaluate, print, write."""
    protocols = _chosen(protocol, {name: name for name in PROTOCOLS}.get, PROTOCOLS, "protocol")
    dataset = open_dataset(data, split=split)
    if not any(len(dataset.target(index)) for index in range(len(dataset))):
        raise ValueError(f"{data}: no annotated objects in {len(dataset)} images, so there is nothing to find")
    names = ClassNames(dataset.class_names, synonyms=det_200().items())
    labels = range(len(names.names)) if classes is None else _chosen(classes, names.label, names.names, "class")
    chosen = _chosen_images(images, dataset)
    rows = read_any(detections, dataset, getattr(dataset, "category_ids", ()))  # COCO's numbers may have gaps
    placed = place(rows, dataset.ids, names, ignore_unknown_classes=ignore_unknown_classes or classes is not None)
    predictions, targets = placed.table.in_images(chosen), [dataset.target(index) for index in chosen]
    _warn(placed, predictions, chosen, classes_chosen=classes is not None)
    excused = read_blacklist(blacklist, len(dataset), names) if blacklist else []
    number = {image: position for position, image in enumerate(chosen)}
    pairs = [(number[image], label) for image, label in excused if image in number]
    functions: dict[str, Callable[..., Evaluation]]
    functions = {"voc07": voc07, "voc10": voc10, "ilsvrc": partial(ilsvrc, blacklist=pairs)}
    results = [functions[name](predictions, targets, names.names) for name in protocols]
    results = [result.only(names.names[label] for label in labels) for result in results]
    _show(results, quiet=quiet)
    if json_file:
        with whole_file(json_file) as file:
            json.dump({result.protocol: result.summary() for result in results}, file, indent=1, allow_nan=False)


def _chosen(text: str, find: Callable[[str], Found | None], choices: Sequence[str], what: str) -> Sequence[Found]:
    """What the names of a list separated by commas stand for, each once."""
    found = []
    for name in map(str.strip, text.split(",")):
        if (one := find(name)) is None:
            raise ValueError(f"no {what} {name!r}; {did_you_mean(name, choices)}")
        found.append(one)
    return list(dict.fromkeys(found))


def _chosen_images(path: Path | None, dataset: Dataset) -> list[int]:
    """Positions of the images of a list, in the order of the data set."""
    position = {image: index for index, image in enumerate(dataset.ids)}
    if path is None:
        return list(position.values())
    chosen = set()
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        image = line.strip() if line.strip() in position else line.split()[0]  # a second word is the devkits' index
        if image not in position:
            raise ValueError(f"{path}:{number}: image {image!r} is not among the {len(position)} of the data set")
        chosen.add(position[image])
    return sorted(chosen)


def _warn(placed: Placed, table: DetectionTable, chosen: list[int], *, classes_chosen: bool) -> None:
    if silent := int((~placed.images[chosen]).sum()):
        logger.warning("%d of %d images have no detections; in them nothing was found", silent, len(chosen))
    if not len(table):
        logger.warning("there are no detections at all: every average precision is 0")
    if flat := int((table.boxes[:, 2:] <= table.boxes[:, :2]).any(axis=1).sum()):
        logger.warning("%d detections have a box without area (x2 <= x1 or y2 <= y1); they count as false", flat)
    if placed.left_out and not classes_chosen:
        listed = ", ".join(f"{name} ({count})" for name, count in placed.left_out.items())
        logger.warning("left out, as the data set has no such class: %s", listed)


def _show(results: Sequence[Evaluation], *, quiet: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not quiet:
        table = Table("class", *(("objects", "detections")), *(f"{result.protocol} AP" for result in results))
        for column in table.columns[1:]:
            column.justify = "right"
        for name in results[0].classes:
            each = [result.classes[name] for result in results]
            objects = "/".join(dict.fromkeys(str(one.positives) for one in each))  # a blacklist takes objects away
            table.add_row(Text(name), objects, str(each[0].detections), *(f"{one.ap:.4f}" for one in each))
        console.print(table)
    for result in results:
        count = f"{result.classes_in_mean} of {len(result.classes)} classes"
        console.print(f"{result.protocol}: mean AP {result.mean_ap:.4f}, median {result.median_ap:.4f}, over {count}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 where the input is bad, told in one line."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
    try:
        return app(argv, standalone_mode=False, prog_name="evaluate.py") or 0
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except USAGE_ERROR as error:
        message = f"{error.format_message()} (--help shows examples)"
    except UnknownClassError as error:
        message = f"{error} (--ignore-unknown-classes leaves them out)"
    except UnknownImageError as error:
        message = f"{error} (is --split the part that the detections are of?)"
    except (ValueError, OSError) as error:
        message = str(error)
    print("error:", " ".join(message.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
