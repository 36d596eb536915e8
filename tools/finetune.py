"""Train a detector: fine-tune a GoogLeNet on the region proposals of your photos.

    python tools/finetune.py configs/voc5.yaml --data data/VOCdevkit/VOC2007
    python tools/finetune.py configs/voc5.yaml --data photos/ --out runs/mine --set training.steps=500
    python tools/finetune.py configs/voc5.yaml --data data/VOCdevkit/VOC2007 --out runs/voc5 --resume

In --out (by default runs/<name of CONFIG>) lie

    last.safetensors   the detector, ready for tools/infer.py --model
    best.safetensors   the one with the highest validation mAP, where data.validation_split names a split
    metrics.jsonl      losses, speed, validation mAP
    checkpoint.pt      where --resume goes on; a run that is stopped or killed loses at most a few minutes
    manifest.json, config.yaml     what was run, with which data, seeds and versions

Proposals are computed once and kept in --store; the next run finds them there.

Exit code: 0 the detector is trained; 2 it could not begin or not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from detection.config import read_config

if TYPE_CHECKING:
    from detection.training.finetune import Progress

TOLD_EVERY = 100  # steps
STOPPED = 130
# click's UsageError: some versions of typer import click, some contain it
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Bars:
    """One progress bar with an ETA at a time; a new title begins a new bar."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Bar(*columns, console=console, disable=quiet)
        self.title = ""
        self.task: TaskID | None = None

    def __call__(self, title: str, done: int, total: int) -> None:
        if title != self.title or self.task is None:
            if self.task is not None:
                self.bar.remove_task(self.task)
            self.title, self.task = title, self.bar.add_task(title, total=total)
        self.bar.update(self.task, completed=done)


@app.command(help="\b\n" + str(__doc__).replace("\n\n", "\n\n\b\n"))
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
    logging.basicConfig(format="%(message)s", level=logging.WARNING if quiet else logging.INFO)
    settings = read_config(config, overrides or [])
    out = out or Path("runs") / config.stem

    # PyTorch takes seconds to load: after the config, which may be wrong
    from detection.build.experiment import Experiment
    from detection.build.run_folder import begin_run, check_run, facts_of_run
    from detection.build.sources import open_sources
    from detection.runtime import choose_device

    check_run(out, settings, resume=resume)
    chosen = choose_device(device)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    bars = Bars(console, quiet=quiet)

    def told(progress: Progress) -> None:
        bars("training", progress.step, settings.training.steps)
        if not quiet and progress.step % TOLD_EVERY == 0:
            console.print(describe(progress))

    with bars.bar:
        sources = open_sources(settings, data, store, bars)
        experiment = Experiment(settings, sources, out, chosen, bars)
        begin_run(out, settings, facts_of_run(sources.train, settings, source=data, device=chosen))
        model = experiment.run(resume=resume, on_progress=told)
    if not quiet:
        print(f"the detector: {model}")
        print(f"try it: python tools/infer.py PHOTOS --model {model}")
    return 0


def describe(progress: Progress) -> str:
    """A line of metrics for people."""
    return (
        f"step {progress.step}: {progress.crops:,} crops, class loss {progress.classification_loss:.3f}, "
        f"box loss {progress.box_loss:.3f}, accuracy {progress.accuracy:.3f}, "
        f"{progress.crops_per_second:.0f} crops a second"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    try:
        code = app(argv, standalone_mode=False, prog_name="finetune.py") or 0
        if code == STOPPED:  # what typer makes of Ctrl-C; older versions raise Abort
            raise KeyboardInterrupt
        return int(code)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped: the same command with --resume goes on from the last checkpoint", file=sys.stderr)
        return STOPPED
    except USAGE_ERROR as error:
        message = f"{error.format_message()} (--help shows examples)"  # type: ignore[attr-defined]
    except (ValueError, OSError, RuntimeError) as error:
        message = str(error)
    print("error:", " ".join(message.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
