"""Several models as one: train them, score the same regions with all, see what averaging gains, choose, carry.

    python tools/ensemble.py train configs/voc5.yaml --data VOCdevkit/VOC2007 --out runs/six --members 6
    python tools/ensemble.py score runs/six --data VOCdevkit/VOC2007:test --out runs/six/test --store runs/proposals
    python tools/ensemble.py report runs/six/test --data VOCdevkit/VOC2007 --split test
    python tools/ensemble.py settings runs/six/val --data VOCdevkit/VOC2007 --split val --try suppression=0.2,0.3,0.4
    python tools/ensemble.py calibrate runs/six --scores runs/six/val --data VOCdevkit/VOC2007 --split val
    python tools/ensemble.py pack runs/six --int8 --out packed/
    python tools/infer.py photos/ --model runs/six

A MODEL is a file, a bundled name, or a folder that `train` made, of which the finished members count.

train        members differ in the seed alone: in what is sampled, in its order, and in how the new layers begin.
             Each is a run of tools/finetune.py in OUT/member-1, OUT/member-2, ...; the same command goes on where it
             was stopped, and leaves finished members alone. With several GPUs each trains a member at a time.
score        crops are made once for all members; all that every network says of the regions is kept, so that the
             other commands run none. The first model chooses the regions. A member may be added any day.
report       every choice of 1, 2, ... models, and all but one, with intervals over the photos, beside the paper;
             with --top as if fewer regions of a photo had been scored.
settings     every combination of --try for all models averaged, the best first: for validation photos.
calibrate    fits temperature and thresholds on photos that the models were not trained on, and writes them into the
             first model's file, where tools/infer.py --threshold finds them.
pack         files to carry, with the settings that --set changes: float16, or a byte for each weight of a convolution;
             and NAME.txt, which lists them, a file a line: for --model.

What an option does: python tools/ensemble.py score --help.

Exit code: 0 done; 2 it could not begin or not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.command_line import Bars, console, help_text, new_app, printable, run_command
from detection.config import Config
from detection.config_file import read_config
from detection.converters.whole_file import whole_file
from detection.inference.find import photos_of

if TYPE_CHECKING:
    from detection.training.finetune import Progress
    from detection.training.multibox import MultiBoxProgress

Models = Annotated[list[str], typer.Argument(metavar="MODEL...", help="files, bundled names, folders of members")]
Scores = Annotated[Path, typer.Argument(metavar="SCORES", help="a folder that `score` filled")]
Data = Annotated[str, typer.Option(help="a data set: a path, or format:path[:split]")]
Split = Annotated[str | None, typer.Option(help="a part of the data set, such as val")]
Protocol = Annotated[str | None, typer.Option(help="voc07, voc10, ilsvrc or coco  [default: the data set's own]")]
Change = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="of a config's `detection`")]
Top = Annotated[int | None, typer.Option(min=1, help="of a photo's regions, count so many  [default: all]")]
Store = Annotated[Path, typer.Option(help="the folder in which proposals are kept")]
Quiet = Annotated[bool, typer.Option("--quiet", help="print only results and what went wrong")]

STORE = Path("runs/proposals")
TOLD_EVERY = 100  # steps

app = new_app()


@app.callback(help=help_text(__doc__))
def ensemble() -> None:
    """One command a step."""


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="a file of configs/, or your own")],
    data: Data,
    out: Annotated[Path, typer.Option(help="the folder of the members' runs")],
    members: Annotated[int, typer.Option(min=1, help="how many")] = 6,
    devices: Annotated[str, typer.Option(help="auto, or a list such as cuda:0,cuda:1")] = "auto",
    store: Store = STORE,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="changes a setting of CONFIG; may be repeated"),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Train the members that are not finished."""
    bars = Bars(quiet=quiet).show_log()
    read: Config = read_config(config, overrides or [])
    from detection.build.ensemble import Members, devices_of, train_members

    def told(number: int, progress: Progress | MultiBoxProgress) -> None:
        bars(f"training member {number}", progress.step, read.training.steps)
        if progress.step % TOLD_EVERY == 0:
            bars.tell(f"member {number}: step {progress.step:,} of {read.training.steps:,}")

    with bars:
        for model in train_members(Members(read, data, store, out), members, devices_of(devices), bars, told):
            bars.tell(f"finished: {printable(str(model))}")


@app.command()
def score(
    models: Models,
    data: Data,
    out: Annotated[Path, typer.Option(help="the folder of the scores")],
    top: Annotated[int | None, typer.Option(min=1, help="regions of a photo  [default: the first model's]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    store: Store = STORE,
    quiet: Quiet = False,
) -> None:
    """Keep what every model says of the same regions."""
    bars = Bars(quiet=quiet).show_log()
    photos = photos_of(data).photos
    from detection.build.region_scores import score_photos
    from detection.runtime import choose_device

    with bars:
        kept = score_photos(models, photos, out, store, device=choose_device(device), top=top, report=bars)
    bars.tell(f"{printable(str(out))}: {len(photos):,} photos, scored by {', '.join(kept.members)}")


@app.command()
def report(
    scores: Scores,
    data: Data,
    split: Split = None,
    protocol: Protocol = None,
    top: Top = None,
    change: Change = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the numbers here too")] = None,
    seed: Annotated[int, typer.Option(help="of the resampled photos")] = 0,
    quiet: Quiet = False,
) -> None:
    """What averaging gains."""
    from detection.build.stored_results import stored_results
    from detection.ensemble.judging import subsets
    from detection.evaluation.ensemble_gain import ensemble_gain
    from detection.report.ensemble import PAPER, class_gains, ensemble_table

    results = stored_results(scores, data, split, protocol, top)
    choices, settings = subsets(results.store.members), results.settings(change or [])
    with Bars(quiet=quiet) as bars:
        judged = results.judge([(choice, settings) for choice in choices], bars)
    rows = ensemble_gain(dict(zip(choices, judged, strict=True)), results.images, seed=seed)
    console().print(ensemble_table(rows))
    averaged = [row for row in rows if row.kind == "averaged"]
    if len(averaged) > 1:
        console().print(class_gains(averaged[-1]))
    console().print(f"{results.protocol}, {results.images:,} photos; {PAPER}")
    if json_file:
        with whole_file(json_file) as file:
            shown = {"protocol": results.protocol, "photos": results.images, "rows": [row.summary() for row in rows]}
            json.dump(shown, file, indent=1, allow_nan=False)


@app.command()
def settings(
    scores: Scores,
    data: Data,
    tries: Annotated[list[str], typer.Option("--try", metavar="KEY=VALUE,VALUE", help="of `detection`; repeatable")],
    split: Split = None,
    protocol: Protocol = None,
    top: Top = None,
    quiet: Quiet = False,
) -> None:
    """Which settings find most, with all models averaged."""
    from detection.build.stored_results import combinations_of, stored_results
    from detection.report.ensemble import settings_table

    results = stored_results(scores, data, split, protocol, top)
    everyone, tried = tuple(results.store.members), combinations_of(tries)
    with Bars(quiet=quiet) as bars:
        judged = results.judge([(everyone, results.settings(changes, idle=True)) for changes in tried], bars)
    figures = {" ".join(changes): judgement.mean_ap for changes, judgement in zip(tried, judged, strict=True)}
    console().print(settings_table(figures))
    console().print(f"{results.protocol}, {results.images:,} photos, {len(everyone)} models")


@app.command()
def calibrate(
    models: Models,
    scores: Annotated[Path, typer.Option(help="a folder that `score` filled with these models, on validation photos")],
    data: Data,
    split: Split = None,
    into: Annotated[Path | None, typer.Option(help="write into this model: trained likewise, on more photos")] = None,
    protocol: Protocol = None,
    quiet: Quiet = False,
) -> None:
    """Fit temperature and thresholds, and write them into the first model's file."""
    from detection.build.region_scores import calibrate_models
    from detection.build.stored_results import stored_results
    from detection.report.ensemble import threshold_table

    with Bars(quiet=quiet) as bars:
        file, fitted = calibrate_models(models, stored_results(scores, data, split, protocol), into, bars)
    before, after = fitted.facts["calibration_error"]
    console().print(threshold_table(fitted.thresholds))
    if any(bar is None for bars_of_rule in fitted.thresholds.values() for bar in bars_of_rule.values()):
        console().print("-: on these photos no score of the class is right so often; infer shows none of it")
    scale = f"temperature {fitted.temperature:.3f}, shift {fitted.shift:+.3f}"
    console().print(f"{scale}: calibration error {before:.3f} -> {after:.3f}")
    console().print(f"written into {printable(str(file))}")


@app.command()
def pack(
    models: Models,
    out: Annotated[Path, typer.Option(help="the folder of the files")],
    name: Annotated[str, typer.Option(help="their name as one model: NAME.txt")] = "ensemble",
    int8: Annotated[bool, typer.Option("--int8", help="a byte for each weight of a convolution")] = False,
    change: Change = None,
) -> None:
    """Write the models as files to carry."""
    from detection.build.ensemble import pack_models

    Bars().show_log()
    written = pack_models(models, out, name, int8=int8, changes=change or [])
    for path in written:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    size = sum(path.stat().st_size for path in written)
    print(f"{out / name}.txt: {len(written)} models, {size / 1e6:.1f} MB together")
    print(f"try it: python tools/infer.py PHOTOS --model {out / name}.txt")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    stopped = "stopped: the same command goes on from there"
    return run_command(
        app, argv, name="ensemble.py", stopped=stopped, errors=(ValueError, OSError, ImportError, RuntimeError)
    )


if __name__ == "__main__":
    sys.exit(main())
