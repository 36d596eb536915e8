"""Train a classifier from nothing: GoogLeNet on photos sorted into folders, as section 6 of the paper does it.

    python tools/pretrain.py configs/pretrain_imagenet.yaml --data imagenet/ --workers 8
    python tools/pretrain.py configs/pretrain_imagenet.yaml --data shapes/ --out runs/shapes --set recipe.epochs=30
    python tools/pretrain.py configs/pretrain_imagenet.yaml --data imagenet/ --resume

--data is a folder with train/<class>/<photo> and, if there is one, val/<class>/<photo>; or <class>/<photo>. In --out
(by default runs/<name of CONFIG>) lie

    model.safetensors  the classifier with averaged weights: for tools/classify.py --model, and as backbone.weights of
                       tools/finetune.py
    metrics.jsonl      loss, accuracy, learning rate, speed; errors on the photos of val/
    checkpoint.pt      where --resume goes on; on a CPU, with as many threads, a run that was stopped ends with the same
                       bits as one that was not
    manifest.json, config.yaml     what was run, with which photos, seeds and versions

Exit code: 0 the classifier is trained; 2 it could not begin or not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.command_line import Bars, help_text, new_app, run_command
from detection.config_file import read_config
from detection.images import IMAGE_SUFFIXES, decode_image
from detection.training.metrics import METRICS, cut_log, log_line, log_size

if TYPE_CHECKING:
    from backbone.classification.photos import LabelledPhotos
    from backbone.classification.training import Pretraining

CHECKPOINT, MODEL = "checkpoint.pt", "model.safetensors"

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
    """Read, build, train, save."""
    from backbone.classification.patches import PatchStream
    from backbone.classification.photos import class_folders
    from backbone.classification.recipe import PretrainingConfig
    from backbone.classification.training import Pretraining, new_network
    from backbone.weights import save_classifier
    from detection.build.run_folder import begin_run, check_run, facts_of_machine
    from detection.runtime import choose_device, keep_freed_memory

    settings = read_config(config, overrides or [], PretrainingConfig)
    out = out or Path("runs") / config.stem
    check_run(out, settings, resume=resume)
    chosen = choose_device(device)
    keep_freed_memory()
    photos = class_folders(data / "train" if (data / "train").is_dir() else data, IMAGE_SUFFIXES)
    judged = class_folders(data / "val", IMAGE_SUFFIXES, photos.class_names) if _has_both(data) else None
    facts = {"source": str(data), "data": photos.digest(), "photos": len(photos), **facts_of_machine(chosen)}
    network, recipe = settings.network, settings.recipe
    stream = PatchStream(
        photos, decode_image, size=network.input_size, photometric=recipe.photometric, seed=recipe.seed
    )
    with Bars(quiet=quiet) as bars:
        training = Pretraining(new_network(network, len(photos.class_names)), stream, recipe, chosen)
        begin_run(out, settings, facts)
        if resume and (out / CHECKPOINT).exists():
            _resume(training, out)
        _train(training, judged, out, workers, bars)
        save_classifier(out / MODEL, training.classifier(), {**facts, "config": settings.model_dump(mode="json")})
    if not quiet:
        print(f"the classifier: {out / MODEL}")
        print(f"try it: python tools/classify.py PHOTO --model {out / MODEL}")


def _train(training: Pretraining, judged: LabelledPhotos | None, out: Path, workers: int, bars: Bars) -> None:
    """All steps, interrupted for checkpoints and validations."""
    from detection.training.checkpoint import save_checkpoint

    recipe, log = training.recipe, out / METRICS
    judge_every = max(1, recipe.validate_every * len(training.stream) // recipe.batch_size)
    while training.step < training.steps:
        stop = min(
            training.steps, *((training.step // every + 1) * every for every in (recipe.checkpoint_every, judge_every))
        )
        for progress in training.run(stop, workers=workers):
            log_line(log, asdict(progress))
            bars("training", progress.step, training.steps)
        if judged and (stop % judge_every == 0 or stop == training.steps):
            _judge(training, judged, log, bars)
        save_checkpoint(out / CHECKPOINT, {**training.state_dict(), "log": log_size(log)})


def _judge(training: Pretraining, photos: LabelledPhotos, log: Path, bars: Bars) -> None:
    """Measure the averaged weights with one crop a photo."""
    from backbone.classification.averaging import CropClassifier, error_grid

    classifier = CropClassifier([training.classifier()], training.device)
    (row,) = error_grid(
        classifier, photos, decode_image, crops=[1], report=lambda done, total: bars("validating", done, total)
    )
    log_line(log, {"step": training.step, "top_1_error": row.top_1_error, "top_5_error": row.top_5_error})
    bars.tell(f"step {training.step:,}: top-1 error {row.top_1_error:.2f}%, top-5 error {row.top_5_error:.2f}%")


def _resume(training: Pretraining, out: Path) -> None:
    from detection.training.checkpoint import load_checkpoint

    state = load_checkpoint(out / CHECKPOINT)
    training.load_state_dict(state)
    cut_log(out / METRICS, int(state["log"]))


def _has_both(data: Path) -> bool:
    return (data / "train").is_dir() and (data / "val").is_dir()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    stopped = "stopped: the same command with --resume goes on from the last checkpoint"
    errors = (ValueError, OSError, ImportError, FloatingPointError)
    return run_command(app, argv, name="pretrain.py", stopped=stopped, errors=errors)


if __name__ == "__main__":
    sys.exit(main())
