"""Say what photos show, and how often that is right: 1, 10 or 144 crops, one or several models (paper, section 7).

    python tools/classify.py photo.jpg photos/
    python tools/classify.py photo.jpg --model runs/googlenet/model.safetensors --crops 144 --top 3 --csv photos.csv
    python tools/classify.py --data imagenet/val --table3
    python tools/classify.py --data imagenet/val --model a.safetensors --model b.safetensors --table3 --json table3.json

Softmax is averaged over the crops and over the models; --max-pooling measures the highest over the crops beside it,
which the paper tried and found worse. --data is a folder of photos in <class>/ (or val/<class>/), or with a labels.txt:
a file and the number of its class, from 0 on, a line. A folder is named as a class, by its WordNet id, or as --labels
says. --table3 prints the paper's grid: 1, 10 and 144 crops, of the first model and of all; what --json writes is read
by tools/paper.py --measured. Photos that cannot be read are left out of the figures, and told.

--precision auto takes the one that the device multiplies quickest, bfloat16 on many, which may move a photo in a
hundred: errors on --data are measured in float32 unless another is given.

Without --model: the BVLC GoogLeNet, 1,000 classes of ImageNet, which is fetched once. 144 crops of a photo take one or
two seconds on a CPU.

Exit code: 0 all photos are done; 1 some could not be read; 2 bad input; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from detection.command_line import Bars, console, help_text, new_app, printable, run_command
from detection.converters.whole_file import whole_file
from detection.evaluation.paper_tables import Measurement
from detection.images import IMAGE_SUFFIXES, ImageError, decode_image
from detection.inference.find import Photo, find_photos
from detection.report.paper import beside_table_3

if TYPE_CHECKING:
    from backbone.classification.averaging import CropClassifier, GridRow

BVLC = "bvlc_googlenet"
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
PAPER_DATA, PAPER_PHOTOS = "ILSVRC CLS", 50_000  # its validation set

Named = tuple[str, list[tuple[str, float]]]  # a photo, and its most probable classes

app = new_app()


@app.command(help=help_text(__doc__))
def classify(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="photos and folders of photos")] = None,
    data: Annotated[Path | None, typer.Option(help="instead of PATH: photos whose classes are known")] = None,
    model: Annotated[list[str] | None, typer.Option(help="a classifier; several are averaged")] = None,
    crops: Annotated[int, typer.Option(help="of a photo: 1, 10 or 144")] = 1,
    table3: Annotated[bool, typer.Option("--table3", help="with --data: all rows of the paper's Table 3")] = False,
    max_pooling: Annotated[bool, typer.Option("--max-pooling", help="with --data: see above")] = False,
    top: Annotated[int, typer.Option(min=1, help="classes of a photo that are shown")] = 5,
    labels: Annotated[Path | None, typer.Option(help="the classes in their order, a line each")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write what is printed here too")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="write photo,class,probability here")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    precision: Annotated[
        str | None, typer.Option(help="auto, float32, bfloat16 or float16  [default: auto; float32 with --data]")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="no table, no progress")] = False,
) -> int:
    """Load the models, then name photos or measure errors."""
    if bool(paths) == (data is not None):
        raise ValueError("give PATHs, photos and folders, or known photos with --data, and not both")
    if data is None and (table3 or max_pooling):
        raise ValueError("--table3 and --max-pooling measure errors: they need --data, photos whose classes are known")
    if data is not None and csv_file:
        raise ValueError("--csv is for PATHs; errors on --data are written with --json")
    precision = precision or ("auto" if data is None else "float32")
    if precision not in PRECISIONS:
        raise ValueError(f"--precision {precision}: choose {', '.join(PRECISIONS)}")
    from backbone.classification.crops import CUT

    if crops not in CUT:
        raise ValueError(f"--crops {crops}: choose {', '.join(map(str, CUT))}")
    failures: list[str] = []
    with Bars(quiet=quiet) as bars:
        classifier = _load(model or [BVLC], labels, device, precision, bars)
        if data is None:
            found = find_photos(paths or [])
            failures += [f"{failure.path}: {failure.reason}" for failure in found.unreadable]
            named = list(_named(found.photos, classifier, crops, top, failures, bars))
        else:
            rows = _measured(data, classifier, tuple(CUT) if table3 else (crops,), max_pooling, failures, bars)
    if data is None:
        _show_names(named, json_file, csv_file, quiet=quiet)
    else:
        models = [Path(one).name for one in model or [BVLC]]
        _show_errors(
            [one for row in rows for one in _measurements(row, models, data, classifier)], json_file, quiet=quiet
        )
    for failure in failures:
        print(f"failed: {printable(failure)}", file=sys.stderr)
    return 1 if failures else 0


def _load(models: Sequence[str], labels: Path | None, device: str, precision: str, bars: Bars) -> CropClassifier:
    import torch

    from backbone.classification.averaging import CropClassifier
    from backbone.classification.photos import read_class_names
    from backbone.weights import load_backbone
    from detection.runtime import choose_device, keep_freed_memory

    chosen = choose_device(device)
    names = read_class_names(labels) if labels else None
    keep_freed_memory()
    backbones = [load_backbone(one, lambda done, total: bars("fetching the weights", done, total)) for one in models]
    dtype = None if precision == "auto" else getattr(torch, precision)
    return CropClassifier(backbones, chosen, dtype, class_names=names)


def _named(
    photos: Sequence[Photo], classifier: CropClassifier, crops: int, top: int, failures: list[str], bars: Bars
) -> Iterator[Named]:
    """The most probable classes of every photo that can be read; why others cannot goes to ``failures``."""
    from backbone.classification.averaging import pool

    for done, photo in enumerate(photos, start=1):
        bars("photos", done, len(photos))
        try:
            probabilities = pool(classifier(decode_image(photo.path), crops))
        except (ImageError, OSError) as error:
            failures.append(str(error))
            continue
        best = probabilities.topk(min(top, len(probabilities)))
        yield (
            photo.id,
            [(classifier.class_names[n], p) for n, p in zip(best.indices, best.values.tolist(), strict=True)],
        )


def _measured(
    data: Path, classifier: CropClassifier, crops: Sequence[int], max_pooling: bool, failures: list[str], bars: Bars
) -> list[GridRow]:
    """The errors on the photos that can be read; why others cannot goes to ``failures``."""
    from backbone.classification.averaging import POOLINGS, error_grid
    from backbone.classification.photos import open_photos

    photos = open_photos(data, IMAGE_SUFFIXES, classifier.class_names)
    poolings = POOLINGS if max_pooling else POOLINGS[:1]
    return error_grid(
        classifier,
        photos,
        decode_image,
        crops=crops,
        poolings=poolings,
        report=partial(bars, "photos"),
        unreadable=lambda error: failures.append(str(error)),
    )


def _show_names(named: Sequence[Named], json_file: Path | None, csv_file: Path | None, *, quiet: bool) -> None:
    lines = [(photo, name, probability) for photo, classes in named for name, probability in classes]
    if not quiet:
        shown = Table("photo", "class", "probability")
        for photo, name, probability in lines:
            shown.add_row(printable(photo), printable(name), f"{probability:.4f}")
        console().print(shown)
    if json_file:
        keys = ("class", "probability")
        _write_json(
            json_file,
            [
                {"photo": str(path), "classes": [dict(zip(keys, one, strict=True)) for one in best]}
                for path, best in named
            ],
        )
    if csv_file:
        with whole_file(csv_file) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([("photo", "class", "probability"), *lines])


def _show_errors(measured: Sequence[Measurement], json_file: Path | None, *, quiet: bool) -> None:
    if not quiet:
        console().print(*beside_table_3(measured), sep="\n")
    if json_file:
        _write_json(json_file, [one.model_dump(exclude_none=True) for one in measured])


def _measurements(row: GridRow, models: Sequence[str], data: Path, classifier: CropClassifier) -> list[Measurement]:
    """Both errors of a row, as tools/paper.py --measured reads them."""
    averaged, precision = models[: row.models], str(classifier.dtype).removeprefix("torch.")
    options = [*(f"--model {model}" for model in averaged), f"--crops {row.crops}", f"--precision {precision}"]
    measurement = Measurement(
        name=" + ".join(Path(model).stem for model in averaged),
        figure="top-5 error",
        value=row.top_5_error,
        data=PAPER_DATA if row.photos == PAPER_PHOTOS else data.name,
        images=row.photos,
        models=row.models,
        crops=row.crops,
        pooling=row.pooling,
        precision=precision,
        command=f"tools/classify.py --data {data.name} {' '.join(options)}{' --max-pooling' * (row.pooling == 'max')}",
        date=datetime.now(tz=UTC).date().isoformat(),
    )
    return [measurement, measurement.model_copy(update={"figure": "top-1 error", "value": row.top_1_error})]


def _write_json(path: Path, rows: Sequence[object]) -> None:
    with whole_file(path) as file:
        json.dump(rows, file, indent=1, allow_nan=False)


def _advice(error: Exception) -> str:
    return "; --labels FILE says how they are called" if type(error).__name__ == "UnknownClassError" else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    return run_command(app, argv, name="classify.py", advice=_advice)


if __name__ == "__main__":
    sys.exit(main())
