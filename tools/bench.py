"""Our speed beside our peers', in one run: ratios first, then crops or photos a second.

    python tools/bench.py regions                               # warping regions to crops
    python tools/bench.py network --batch 64                    # GoogLeNet, in inference and in training
    python tools/bench.py network --device cuda --batch 256 --compile
    python tools/bench.py detector --photos my_photos/          # seconds a photo, stage by stage
    python tools/bench.py proposals --data VOCdevkit/VOC2007:test --first 20
    python tools/bench.py scaling                               # our proposals from 0.1 to 12 megapixels
    python tools/bench.py evaluate                              # average precision of a million detections
    python tools/bench.py all --json bench.json

The contestants take turns on the same photos, so that what else the machine does slows all of them alike; figures are
medians. CPU time counts every thread. --json keeps every measured second, the machine and the versions. What an
option does: python tools/bench.py regions --help.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.bench.scaling import Cost
from detection.bench.timing import Race
from detection.command_line import Bars, console, help_text, new_app, run_command
from detection.datasets.open import open_dataset
from detection.images import decode_image
from detection.inference.find import find_photos
from detection.structures import RGBImage

if TYPE_CHECKING:
    from detection.bench.evaluation import Size

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

Photos = Annotated[Path, typer.Option(help="a photo, or a folder of photos")]
Repeat = Annotated[int, typer.Option(min=1, help="how often every photo is worked on")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
Json = Annotated[Path | None, typer.Option("--json", help="write the figures here too")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bar")]

app = new_app()


@app.callback(help=help_text(__doc__))
def bench() -> None:
    """One command a subject."""


@app.command()
def regions(
    photos: Photos = EXAMPLES,
    top: Annotated[int, typer.Option(min=1, help="regions of a photo")] = 150,
    repeat: Repeat = 3,
    device: Device = "cpu",
    json_file: Json = None,
    quiet: Quiet = False,
) -> list[Race]:
    """Crops a second: our warp, R-CNN's loop, OpenCV, torchvision."""
    from detection.bench.regions import Photo, bench_regions
    from detection.build import build_proposer
    from detection.config import ProposalsConfig
    from detection.runtime import choose_device

    chosen, proposer = choose_device(device), build_proposer(ProposalsConfig())
    with Bars(quiet=quiet) as bars:
        items = [Photo(image, proposer(image).boxes[:top]) for image in _images(photos)]
        return _show(bench_regions(items, device=chosen, repeat=repeat, report=bars), json_file)


@app.command()
def network(
    device: Device = "auto",
    batch: Annotated[int, typer.Option(min=1, help="crops at once")] = 32,
    batches: Annotated[int, typer.Option(min=1, help="how many batches each network sees")] = 5,
    size: Annotated[int, typer.Option(min=32, help="pixels a side of a crop")] = 224,
    compiled: Annotated[bool, typer.Option("--compile", help="race the compiled networks too")] = False,
    training: Annotated[bool, typer.Option("--training/--no-training", help="race training steps too")] = True,
    json_file: Json = None,
    quiet: Quiet = False,
) -> list[Race]:
    """Crops a second through GoogLeNet: ours, and torchvision's."""
    from detection.bench.network import Load, bench_network
    from detection.runtime import choose_device

    chosen, load = choose_device(device), Load(batch, size, batches)
    with Bars(quiet=quiet) as bars:
        races = bench_network(device=chosen, load=load, compiled=compiled, training=training, report=bars)
    return _show(races, json_file)


@app.command()
def detector(
    photos: Photos = EXAMPLES,
    model: Annotated[list[str] | None, typer.Option(help="a model file; several are an ensemble")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="look at the N best regions of a photo only")] = None,
    repeat: Repeat = 3,
    device: Device = "auto",
    json_file: Json = None,
    quiet: Quiet = False,
) -> list[Race]:
    """Seconds a photo, stage by stage; without --model the bundled detector's."""
    from detection.bench.detector import bench_detector
    from detection.build import load_detector

    images, loaded = _images(photos), load_detector(model or None, device=device, top=top)
    with Bars(quiet=quiet) as bars:
        return _show(bench_detector(loaded, images, repeat=repeat, report=bars), json_file)


@app.command()
def proposals(
    data: Annotated[str, typer.Option(help="a data set: a path, or format:path[:split]")] = str(EXAMPLES),
    first: Annotated[int, typer.Option(min=1, help="how many photos of it, from the first on")] = 5,
    only: Annotated[list[str] | None, typer.Option(help="a contestant; may be repeated  [default: all]")] = None,
    workers: Annotated[int, typer.Option(min=1, help="photos in work at once")] = 1,
    repeat: Repeat = 1,
    json_file: Json = None,
    quiet: Quiet = False,
) -> list[Race]:
    """Photos a second: our selective search, OpenCV's, and the package selectivesearch; and how well they cover.

    Contestants: "OpenCV fast", "ours, OpenCV fast's", "OpenCV quality", "ours, OpenCV quality's", "ours, R-CNN's",
    "selectivesearch".
    """
    from detection.bench.proposals import CLAIMED, CONTESTANTS, bench_proposals, claims, photo_of

    if unknown := set(only or ()) - set(CONTESTANTS):
        known = ", ".join(f'"{name}"' for name in CONTESTANTS)
        raise ValueError(f"--only {min(unknown)}: there is no such contestant; choose from {known}")
    dataset = open_dataset(data)
    chosen = [photo_of(dataset, index) for index in range(min(first, len(dataset)))]
    with Bars(quiet=quiet) as bars:
        race = bench_proposals(chosen, at_once=workers, names=only or CONTESTANTS, repeat=repeat, report=bars)
    races = _show([race], json_file)
    if workers == 1 and set(CLAIMED) <= set(only or CONTESTANTS):
        console().print(*claims(race), sep="\n")
    return races


@app.command()
def scaling(photos: Photos = EXAMPLES, repeat: Repeat = 3, json_file: Json = None, quiet: Quiet = False) -> list[Cost]:
    """Seconds a megapixel of our selective search, one thread, from 0.1 to 12 megapixels."""
    from detection.bench.result import scaling_table, write_races
    from detection.bench.scaling import exponent, measure_costs, mosaic
    from detection.build import build_proposer
    from detection.config import ProposalsConfig

    with Bars(quiet=quiet) as bars:
        proposer = build_proposer(ProposalsConfig(width=None))
        costs = list(measure_costs(mosaic(_images(photos)), proposer, repeat=repeat, report=bars))
    growth = f"seconds grow as pixels to the power of {exponent(costs):.2f}"
    console().print(scaling_table(costs), growth, sep="\n")
    if json_file:
        write_races(json_file, [], costs)
    return costs


@app.command()
def evaluate(
    share: Annotated[float, typer.Option(min=0, help="of the size of ILSVRC's validation set")] = 1.0,
    repeat: Annotated[int, typer.Option(min=1, help="how often every file of detections is evaluated")] = 1,
    json_file: Json = None,
    quiet: Quiet = False,
) -> list[Race]:
    """Detections a second: the protocols on files of ILSVRC's size, and COCO's beside pycocotools."""
    from detection.bench.evaluation import Size, bench_evaluation

    ilsvrc, coco = _scaled(Size(), share), _scaled(Size(1_000, 7_000, 50_000, 80), share)
    with Bars(quiet=quiet) as bars:
        return _show(bench_evaluation(size=ilsvrc, coco_size=coco, repeat=repeat, report=bars), json_file)


@app.command(name="all")
def everything(
    photos: Photos = EXAMPLES, device: Device = "auto", json_file: Json = None, quiet: Quiet = False
) -> None:
    """Every subject, as it is by default."""
    races = [*proposals(quiet=quiet), *regions(photos, device=device, quiet=quiet), *network(device, quiet=quiet)]
    races += [*detector(photos, device=device, quiet=quiet), *evaluate(quiet=quiet)]
    costs = scaling(photos, quiet=quiet)
    if json_file:
        from detection.bench.result import write_races

        write_races(json_file, races, costs)


def _images(photos: Path) -> list[RGBImage]:
    return [decode_image(photo.path) for photo in find_photos([photos]).photos]


def _scaled(size: Size, share: float) -> Size:
    images, objects, detections = (max(10, round(share * n)) for n in (size.images, size.objects, size.detections))
    return replace(size, images=images, objects=objects, detections=detections)


def _show(races: list[Race], json_file: Path | None) -> list[Race]:
    from detection.bench.result import race_table, write_races

    for race in races:
        console().print(race_table(race), *race.notes, sep="\n")
    if json_file:
        write_races(json_file, races)
    return races


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 where the input is bad, told in one line."""
    return run_command(app, argv, name="bench.py", errors=(ValueError, OSError, ImportError, RuntimeError))


if __name__ == "__main__":
    sys.exit(main())
