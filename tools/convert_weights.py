"""Turn the weights of a GoogLeNet, Caffe's or torchvision's, into a model file.

    python tools/convert_weights.py bvlc_googlenet.caffemodel --out googlenet.safetensors
    python tools/convert_weights.py bvlc_googlenet --out googlenet.safetensors --dtype float16
    python tools/convert_weights.py checkpoint.pth --classes classes.txt --out mine.safetensors

FILE is a .caffemodel, a torchvision .pth, a model file of a classifier, or the name of published weights, which are
fetched: bvlc_googlenet, torchvision_googlenet. Every name and shape is checked; the file written is read again, and
its scores are compared with those of FILE. It is a classifier: tools/finetune.py makes a detector of it.

torchvision's own weights expect pixels from -1 to 1 (its `transform_input`); --no-transform-input is for a network that
was trained without that, on ImageNet's mean and deviation.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.command_line import Bars, help_text, new_app, run_command

if TYPE_CHECKING:
    from backbone.weights import Backbone

DTYPES = ("float32", "float16")
COMPARED_CROPS = 4
# What float16 may change of a score; a wrong tensor changes far more.
LARGEST_CHANGE = 0.01

app = new_app()


@app.command(help=help_text(__doc__))
def convert_weights(
    source: Annotated[str, typer.Argument(metavar="FILE", help="the weights, or the name of published ones")],
    out: Annotated[Path, typer.Option(help="the model file to write (.safetensors)")],
    dtype: Annotated[str, typer.Option(help="float32, or float16, which halves the file")] = "float32",
    classes: Annotated[Path | None, typer.Option(help="the names of the classes, one a line, in order")] = None,
    transform_input: Annotated[bool, typer.Option(help="see above; torchvision's weights only")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what went wrong")] = False,
) -> None:
    """Load, write, read again, compare."""
    if dtype not in DTYPES:
        raise ValueError(f"--dtype {dtype}: expected one of {', '.join(DTYPES)}")
    import torch  # takes seconds: after what may be wrong

    from backbone.classification.photos import read_class_names
    from backbone.model_file import check_place
    from backbone.torchvision_weights import IMAGENET_PREPROCESSING, TRANSFORM_INPUT_PREPROCESSING
    from backbone.weights import load_backbone, save_classifier

    check_place(out)
    if out.exists() and Path(source).exists() and out.samefile(source):
        raise ValueError(f"--out {out}: this is FILE itself, which is not overwritten; name another")
    with Bars(quiet=quiet) as bars:
        backbone = load_backbone(source, partial(bars, "fetching the weights"))
    if not transform_input:
        if backbone.preprocessing != TRANSFORM_INPUT_PREPROCESSING:
            raise ValueError(f"{source}: --no-transform-input is for torchvision's weights only")
        backbone = backbone._replace(preprocessing=IMAGENET_PREPROCESSING)
    if classes is not None:
        backbone = backbone._replace(class_names=read_class_names(classes))
    save_classifier(out, backbone, provenance={"converted_from": Path(source).name}, dtype=getattr(torch, dtype))
    change = _largest_change(backbone, load_backbone(out))
    if not change <= LARGEST_CHANGE:
        raise ValueError(f"{out}: written, but its scores differ from those of {source} by {change:.3g}")
    if not quiet:
        _show(out, backbone, change)


def _largest_change(before: Backbone, after: Backbone) -> float:
    """The largest difference of any class's probability, over a few crops of noise."""
    import torch

    size = before.preprocessing.input_size
    crops = torch.randint(256, (COMPARED_CROPS, 3, size, size), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        scores = [each.network(each.preprocessing.normalise(crops)).softmax(dim=1) for each in (before, after)]
    return float((scores[0] - scores[1]).abs().max())


def _show(out: Path, backbone: Backbone, change: float) -> None:
    options, preprocessing = backbone.network.options, backbone.preprocessing
    parameters = sum(parameter.numel() for parameter in backbone.network.parameters())
    names = "with their names" if backbone.class_names else "without names (--classes gives them)"
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, a classifier of {options.num_classes} classes, {names}")
    print(f"  network        {parameters:,} parameters, {', '.join(f'{k} {v}' for k, v in options.to_dict().items())}")
    print(f"  preprocessing  {', '.join(f'{k} {v}' for k, v in preprocessing.to_dict().items())}")
    print(f"  read again     scores as before, {change:.1e} apart at most")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 where the input is bad, told in one line."""
    return run_command(app, argv, name="convert_weights.py")


if __name__ == "__main__":
    sys.exit(main())
