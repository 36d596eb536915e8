"""Train a detector: fine-tune a GoogLeNet on the region proposals of your photos.

    python tools/finetune.py configs/own_data.yaml --data my_data/ --out runs/mine --set training.steps=2000
    python tools/finetune.py configs/own_data.yaml --data my_data/ --out runs/mine --set training.steps=2000 --resume
    python tools/finetune.py configs/own_data.yaml --data more/ --set backbone.weights=runs/mine/last.safetensors
    python tools/finetune.py configs/voc5.yaml --data VOCdevkit/VOC2007
    python tools/finetune.py --verify runs/voc5 --data VOCdevkit/VOC2007        # the same bits again?
    python tools/finetune.py configs/multibox_voc5.yaml --data VOCdevkit/VOC2007
    torchrun --standalone --nproc-per-node 8 --max-restarts 3 tools/finetune.py configs/own_data.yaml --data my_data/

In --out (by default runs/<name of CONFIG>) lie

    last.safetensors   the detector, ready for tools/infer.py --model
    best.safetensors   the one with the highest validation mAP, where data.validation_split names a split, or is
                       the share of the training photos to hold out, such as 0.2: lists/held_out.txt
    metrics.jsonl      losses, speed, validation mAP
    checkpoint.pt      where --resume goes on; a run that is stopped or killed loses at most a few minutes, and ends
                       with the bits of one that was not (on a GPU: with --deterministic)
    trace.jsonl        every step's loss to the last bit, for --verify
    not_finite.0.pt    the batch whose loss was NaN or infinite, if there was one: torch.load(FILE, weights_only=True)
    rescued.safetensors     then, instead of last.safetensors: the model as it was before
    manifest.json, config.yaml     what was run, with which data, seeds, code and versions
    lists/             the photos of each split, an id a line; data.train_split takes such files too

Proposals are computed once and kept in --store; the next run finds them there. A config with a section "multibox", as
configs/multibox_voc5.yaml, trains a network that proposes regions instead: see tools/propose.py --method multibox.

Every setting, with its default and its source, is in detection/config.py. If backbone.weights is a detector, training
continues from it: classes of the same name keep their weights, and a table lists which were loaded, new and dropped.
data.train_split=checked+rough joins two splits; data.partial_split=rough says that photos of the latter may show more
than is annotated: nothing in them counts as background.

--deterministic (training.deterministic) rules out every operation whose bits may differ from run to run, and fixes the
number of threads. --verify RUN trains the first steps of a run again (10, or --steps N), beside it and from the regions
in its folder, and compares; it writes nothing there.

Under torchrun the processes share each batch: training.batch_size counts all of them, so the result is that of one
process but for rounding (without batch norm, which goes by each process's share). --out must be a folder that all of
them see. With --max-restarts a run of which a process died goes on from its last checkpoint by itself; with several
machines, give torchrun --nnodes and --rdzv-endpoint.

Exit code: 0 the detector is trained, or equal; 1 the replayed steps of --verify differ; 2 it could not begin or not go
on (bad input, disk full, a loss that is NaN or infinite); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.command_line import Bars, help_text, new_app, run_command
from detection.config import Config
from detection.config_file import read_config

if TYPE_CHECKING:
    from detection.build.training_run import OnProgress, TrainingRun
    from detection.training.finetune import Progress
    from detection.training.multibox import MultiBoxProgress

TOLD_EVERY = 100  # steps
REPLAYED = 10  # steps

app = new_app()


@app.command(help=help_text(__doc__))
def finetune(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="a file of configs/, or your own", show_default=False)
    ] = None,
    *,
    data: Annotated[str, typer.Option(help="a data set: a path, or format:path")],
    out: Annotated[Path | None, typer.Option(help="the folder of the run")] = None,
    store: Annotated[Path, typer.Option(help="the folder in which proposals are kept")] = Path("runs/proposals"),
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="changes a setting of CONFIG; may be repeated"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the checkpoint in --out")] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="the same as --set training.deterministic=true")
    ] = False,
    verify: Annotated[Path | None, typer.Option(metavar="RUN", help="replay this run instead of training")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"how many steps --verify replays; {REPLAYED} unless given")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what went wrong")] = False,
) -> int:
    """Read, build, train or replay, print."""
    quiet = quiet or os.environ.get("RANK", "0") != "0"  # under torchrun the first process talks for all
    bars = Bars(quiet=quiet).show_log()
    asked = [*(overrides or []), *(["training.deterministic=true"] if deterministic else [])]
    settings = _settings(config, asked, verify)
    _check_options(verify, steps, out, resume=resume)
    folder = verify or out or Path("runs") / Path(str(config)).stem

    from detection.build.training_run import TrainingRun  # PyTorch takes seconds: after the config, which may be wrong

    run = TrainingRun(settings, data, folder, store, device, bars)

    def told(progress: Progress | MultiBoxProgress) -> None:
        bars("training", progress.step, settings.training.steps)
        if progress.step % TOLD_EVERY == 0:
            bars.tell(describe(progress))

    if verify is not None:
        return _verify(run, steps or REPLAYED, told, bars)
    with bars:
        model = run.train(resume=resume, on_progress=told)
    if not quiet:
        _tell_next(settings, data, model)
    return 0


def _tell_next(settings: Config, data: str, model: Path) -> None:
    """Say what was made, and what can be done with it."""
    from detection.build.run_folder import BEST

    if settings.multibox is not None:
        print(f"the MultiBox: {model}")
        print(f"measure it: python tools/propose.py --data {data} --method multibox --multibox-model {model} --report")
        print(f"train with it: --set proposals.multibox=200 --set proposals.multibox_model={model}")
        return
    print(f"the detector: {model}")
    if (best := model.with_name(f"{BEST}.safetensors")).exists():
        print(f"the best on the validation photos: {best}")
    print(f"try it: python tools/infer.py PHOTOS --model {model}")


def _settings(config: Path | None, overrides: Sequence[str], verify: Path | None) -> Config:
    """The config to train by, or that of the run to replay."""
    if (config is None) == (verify is None):
        raise ValueError("name either a CONFIG to train by or a run to replay, --verify RUN (--help shows examples)")
    if verify is None:
        return read_config(Path(str(config)), overrides)
    if overrides:
        raise ValueError(f"--verify replays {verify} as it was made: leave out --set and --deterministic")
    if not (verify / "config.yaml").is_file():
        raise FileNotFoundError(f"no run in {verify} to replay")
    return read_config(verify / "config.yaml")


def _check_options(verify: Path | None, steps: int | None, out: Path | None, *, resume: bool) -> None:
    """Refuse options that a training, or a replay, would not heed."""
    if verify is None and steps is not None:
        raise ValueError("--steps is how much --verify replays; the length of a training is --set training.steps=N")
    if verify is not None and (out is not None or resume):
        raise ValueError(f"--verify replays {verify} and writes nothing: leave out --out and --resume")


def _verify(run: TrainingRun, steps: int, told: OnProgress, bars: Bars) -> int:
    """Replay the first steps of a run and print whether they are the same."""
    from detection.build.training_run import verify_run

    with bars:
        verdict = verify_run(run, steps, told)
    if verdict is None:
        return 0
    for name, (then, now) in verdict.changes.items():
        bars.tell(f"{run.folder} was made with other {name}: {then}, here {now}")
    found = verdict.difference
    if found is None:
        bars.tell(f"equal: the first {verdict.steps} steps of {run.folder} have the same bits here")
        return 0
    bars.tell(f"step {found.step} differs: {found.ours} here, {found.theirs} in {run.folder}")
    return 1


def describe(progress: Progress | MultiBoxProgress) -> str:
    """A line of metrics for people."""
    values = ((name.replace("_", " "), value) for name, value in asdict(progress).items())
    return ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:.3g}" for name, value in values)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    stopped = "stopped: the same command with --resume goes on from the last checkpoint"
    again = "give the same command with --resume"
    errors = (ValueError, OSError, ImportError, RuntimeError)
    return run_command(app, argv, name="finetune.py", stopped=stopped, again=again, errors=errors)


if __name__ == "__main__":
    sys.exit(main())
