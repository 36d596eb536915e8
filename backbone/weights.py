"""One way to load a classifier, whatever its file: ours, Caffe's, torchvision's, or the name of published weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from backbone.caffe import CAFFE_PREPROCESSING, load_caffemodel
from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.hub import KNOWN_WEIGHTS, Progress, fetch
from backbone.model_file import read_model_file, read_model_header, save_model_file
from backbone.preprocessing import Preprocessing
from backbone.strict import load_strict
from backbone.torchvision_weights import TRANSFORM_INPUT_PREPROCESSING, load_torchvision

__all__ = [
    "Backbone",
    "load_backbone",
    "load_strict",
    "read_model_file",
    "read_model_header",
    "save_classifier",
    "save_model_file",
]

IMAGENET_CLASSES = 1000
# How files begin: the two kinds that torch.save writes; a protobuf whose first field is a net's name or a layer.
TORCH_BEGINNINGS = (b"PK\x03\x04", b"\x80\x02")
CAFFE_BEGINNINGS = (b"\x0a", b"\x12", b"\xa2\x06")


class Backbone(NamedTuple):
    """A classifier that is ready to use; ``class_names`` is None where its weights do not say them."""

    network: GoogLeNet
    preprocessing: Preprocessing
    class_names: tuple[str, ...] | None


def load_backbone(path_or_name: str | Path, progress: Progress | None = None) -> Backbone:
    """Load a model file of kind "classifier", a .caffemodel, a torchvision .pth, or a name of ``KNOWN_WEIGHTS``.

    The kind of a file is told by its content. Weights known by name are fetched once, which ``progress`` follows.
    """
    path = Path(path_or_name)
    if not path.exists():
        if str(path_or_name) not in KNOWN_WEIGHTS:
            raise FileNotFoundError(
                f"no file {path}, and no published weights of that name: {', '.join(KNOWN_WEIGHTS)}"
            )
        path = fetch(str(path_or_name), progress)
    if not path.is_file():
        raise ValueError(f"{path}: expected a file of weights, not a folder")
    with path.open("rb") as file:
        beginning = file.read(9)
    if beginning[8:] == b"{":
        return _load_classifier(path)
    if beginning.startswith(TORCH_BEGINNINGS):
        network, preprocessing = load_torchvision(path), TRANSFORM_INPUT_PREPROCESSING
    elif beginning.startswith(CAFFE_BEGINNINGS):
        network, preprocessing = load_caffemodel(path), CAFFE_PREPROCESSING
    else:
        raise ValueError(f"{path}: neither a model file (.safetensors), a torchvision .pth nor a .caffemodel")
    return Backbone(network, preprocessing, _imagenet_names(network))


def save_classifier(
    path: str | Path,
    backbone: Backbone,
    provenance: dict[str, Any] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a model file of kind "classifier", which :func:`load_backbone` reads."""
    network, preprocessing, class_names = backbone
    _check_class_names(path, network.options, class_names)
    header = {
        "kind": "classifier",
        "architecture": {"name": "googlenet", "options": network.options.to_dict()},
        "preprocessing": preprocessing.to_dict(),
        "class_names": class_names and list(class_names),
        "provenance": provenance or {},
    }
    save_model_file(path, network.state_dict(), header, dtype)


def _load_classifier(path: Path) -> Backbone:
    tensors, header = read_model_file(path, kind="classifier")
    try:
        options = GoogLeNetOptions.from_dict(header["architecture"]["options"])
        preprocessing = Preprocessing.from_dict(header["preprocessing"])
        names = header["class_names"]
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: a header that this version does not understand: {error}") from error
    class_names = None if names is None else tuple(names)
    _check_class_names(path, options, class_names)
    network = GoogLeNet(options)
    load_strict(network, tensors, path)
    return Backbone(network.eval(), preprocessing, class_names)


def _check_class_names(path: str | Path, options: GoogLeNetOptions, class_names: tuple[str, ...] | None) -> None:
    if class_names is not None and len(class_names) != options.num_classes:
        raise ValueError(f"{path}: {len(class_names)} class names for {options.num_classes} classes")


def _imagenet_names(network: GoogLeNet) -> tuple[str, ...] | None:
    """Both publishers order the 1000 classes by WordNet id; another number of classes is somebody's own."""
    if network.options.num_classes != IMAGENET_CLASSES:
        return None
    from torchvision.models import GoogLeNet_Weights  # slow to import, and only its names are wanted

    return tuple(GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"])
