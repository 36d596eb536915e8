"""Train a detector: fine-tune a GoogLeNet on the region proposals of your photos.

    python tools/finetune.py configs/voc5.yaml --data data/VOCdevkit/VOC2007
    python tools/finetune.py configs/multibox_voc5.yaml --data data/VOCdevkit/VOC2007
    python tools/finetune.py configs/voc5.yaml --data photos/ --out runs/mine --set training.steps=500
    python tools/finetune.py configs/voc5.yaml --data data/VOCdevkit/VOC2007 --out runs/voc5 --resume

In --out (by default runs/<name of CONFIG>) lie

    last.safetensors   the detector, ready for tools/infer.py --model
    best.safetensors   the one with the highest validation mAP, where data.validation_split names a split
    metrics.jsonl      losses, speed, validation mAP
    checkpoint.pt      where --resume goes on; a run that is stopped or killed loses at most a few minutes
    manifest.json, config.yaml     what was run, with which data, seeds and versions

Proposals are computed once and kept in --store; the next run finds them there. A config with a section "multibox", as
configs/multibox_voc5.yaml, trains a network that proposes regions instead: see tools/propose.py --method multibox.

Exit code: 0 the detector is trained; 2 it could not begin or not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.command_line import Bars, help_text, new_app, run_command
from detection.config import read_config

if TYPE_CHECKING:
    from detection.training.finetune import Progress
    from detection.training.multibox import MultiBoxProgress

TOLD_EVERY = 100  # steps

app = new_app()


@app.command(help=help_text(__doc__))
def finetune(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="a file of configs/, or your own")],
    data: Annotated[str, typer.Option(help="a data set: a path, or format:path")],
    out: Annotated[Path | None, typer.Option(help="the folder of the run")] = None,
    store: Annotated[Path, typer.Option(help="the folder in which proposals are kept")] = Path("runs/proposals"),
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="goes over CONFIG; may be repeated")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the checkpoint in --out")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what went wrong")] = False,
) -> int:
    """Read, build, train, print."""
    bars = Bars(quiet=quiet).show_log()
    settings = read_config(config, overrides or [])
    out = out or Path("runs") / config.stem

    # PyTorch takes seconds to load: after the config, which may be wrong
    from detection.build.experiment import Experiment
    from detection.build.multibox_experiment import MultiBoxExperiment
    from detection.build.run_folder import begin_run, check_run, facts_of_run
    from detection.build.sources import open_sources
    from detection.runtime import choose_device

    check_run(out, settings, resume=resume)
    chosen = choose_device(device)

    def told(progress: Progress | MultiBoxProgress) -> None:
        bars("training", progress.step, settings.training.steps)
        if progress.step % TOLD_EVERY == 0:
            bars.tell(describe(progress))

    with bars:
        sources = open_sources(settings, data, store, bars)
        kind = Experiment if settings.multibox is None else MultiBoxExperiment
        experiment = kind(settings, sources, out, chosen, bars)
        begin_run(out, settings, facts_of_run(sources.train, settings, source=data, device=chosen))
        model = experiment.run(resume=resume, on_progress=told)
    if not quiet:
        what, use = "detector", "infer.py PHOTOS --model"
        if settings.multibox is not None:
            what, use = "MultiBox", "propose.py --data DATA --method multibox --multibox-model"
        print(f"the {what}: {model}")
        print(f"try it: python tools/{use} {model}")
    return 0


def describe(progress: Progress | MultiBoxProgress) -> str:
    """A line of metrics for people."""
    values = ((name.replace("_", " "), value) for name, value in asdict(progress).items())
    return ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:.3g}" for name, value in values)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    stopped = "stopped: the same command with --resume goes on from the last checkpoint"
    return run_command(
        app, argv, name="finetune.py", stopped=stopped, errors=(ValueError, OSError, ImportError, RuntimeError)
    )


if __name__ == "__main__":
    sys.exit(main())
