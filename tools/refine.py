"""Fit what R-CNN puts on a finished network: SVMs, ridge boxes, and a contextual model.

    python tools/refine.py runs/voc5/last.safetensors --data VOCdevkit/VOC2007 --out runs/voc5/refined.safetensors
    python tools/refine.py voc5 --data VOCdevkit/VOC2007:trainval --out mine.safetensors --set detection.context=0.5
    python tools/infer.py photos/ --model mine.safetensors --set box_regression=ridge --set context=0.5

--data are the photos that MODEL was trained on. Some 70 crops of each are looked at (--set scoring.regions=64), as
quickly as tools/infer.py does, and forgotten: no features are written to disk.

MODEL's weights stay as they are. The new file holds all three scorers; which of them are used is said by its settings,
here or in tools/infer.py, best chosen on photos that nothing was trained on:

    detection.scores=softmax, svm                  softmax is what the paper's detector is taken to use
    detection.box_regression=none, learned, ridge  none is the paper's; learned is trained with the network
    detection.context=0..1                         how much the whole photo's classes count; 0 is off

Exit code: 0 the file is written; 2 it could not begin or not go on (bad input, disk full); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from detection.command_line import Bars, help_text, new_app, run_command

app = new_app()


@app.command(help=help_text(__doc__))
def refine(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="a detector: a file, or the name of a bundled one")],
    data: Annotated[str, typer.Option(help="a data set: a path, or format:path[:split]")],
    out: Annotated[Path, typer.Option(help="the model file to write")],
    store: Annotated[Path, typer.Option(help="the folder in which proposals are kept")] = Path("runs/proposals"),
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="of `scoring` or `detection`")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what went wrong")] = False,
) -> int:
    """Read, fit, write, print."""
    from backbone.model_file import check_place
    from detection.build.model_file import save_detector
    from detection.build.refine import fit_scorers, model_to_refine, photos_to_refine_on
    from detection.runtime import choose_device

    bars = Bars(quiet=quiet).show_log()
    read = model_to_refine(model, overrides or [])
    check_place(out)
    with bars:
        photos, proposals = photos_to_refine_on(read, data, store, bars)
        refined = fit_scorers(read, photos, proposals, choose_device(device), bars)
    save_detector(out, refined)
    if not quiet:
        used = refined.config.detection
        print(f"the detector: {out}")
        uses = f"scores={used.scores}, box_regression={used.box_regression}, context={used.context:g}"
        print(f"it uses {uses}; it holds SVMs, ridge boxes and a contextual model, too")
        print(f"try them: python tools/infer.py PHOTOS --model {out} --set scores=svm --set box_regression=ridge")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what its exit codes mean stands above. An error is told in one line."""
    return run_command(app, argv, name="refine.py")


if __name__ == "__main__":
    sys.exit(main())
