"""Train a classifier from nothing: GoogLeNet on photos sorted into folders, as section 6 of the paper does it.

    python tools/pretrain.py configs/pretrain_imagenet.yaml --data imagenet/ --workers 8
    python tools/pretrain.py configs/pretrain_imagenet.yaml --data shapes/ --out runs/shapes --set recipe.epochs=30
    python tools/pretrain.py configs/pretrain_imagenet.yaml --data imagenet/ --resume

--data is a folder with train/<class>/<photo> and, if there is one, val/<class>/<photo>; or <class>/<photo>. In --out
(by default runs/<name of CONFIG>) lie

    model.safetensors  the classifier with averaged weights: for tools/classify.py --model, and as backbone.weights of
                       tools/finetune.py
    metrics.jsonl      loss, accuracy, learning rate, speed; errors on the photos of val/ that can be read
    checkpoint.pt      where --resume goes on; on a CPU, with as many threads, a run that was stopped ends with the same
                       bits as one that was not
    manifest.json, config.yaml     what was run, with which photos, seeds and versions

Exit code: 0 the classifier is trained; 2 it could not begin or not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from backbone.classification.recipe import PretrainingConfig
from detection.command_line import Bars, help_text, new_app, run_command
from detection.config_file import read_config

app = new_app()


@app.command(help=help_text(__doc__))
def pretrain(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="configs/pretrain_imagenet.yaml, or your own")],
    data: Annotated[Path, typer.Option(help="the folder of photos")],
    out: Annotated[Path | None, typer.Option(help="the folder of the run")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="changes a setting of CONFIG; may be repeated"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the checkpoint in --out")] = False,
    workers: Annotated[int, typer.Option(min=0, help="processes that read photos; 0: this one does")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what went wrong")] = False,
) -> None:
    """Read, train, print."""
    bars = Bars(quiet=quiet).show_log()
    settings = read_config(config, overrides or [], PretrainingConfig)

    # PyTorch takes seconds: after the config, which may be wrong
    from detection.build.pretraining import PretrainingRun

    run = PretrainingRun(settings, data, out or Path("runs") / config.stem, device, bars, workers)
    with bars:
        model = run.train(resume=resume)
    if not quiet:
        print(f"the classifier: {model}")
        print(f"try it: python tools/classify.py PHOTO --model {model}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    stopped = "stopped: the same command with --resume goes on from the last checkpoint"
    again = "give the same command with --resume"
    errors = (ValueError, OSError, ImportError, FloatingPointError)
    return run_command(app, argv, name="pretrain.py", stopped=stopped, again=again, errors=errors)


if __name__ == "__main__":
    sys.exit(main())
