"""MultiBox on disk, and at work: one safetensors file with everything that is needed to run it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.inference import prepare_for_inference
from backbone.model_file import read_model_file, save_model_file
from backbone.preprocessing import Preprocessing
from backbone.strict import load_strict
from detection.build.model_file import bundled_of
from detection.inference.models import model_file
from detection.proposals.multibox.head import MultiBoxHead, MultiBoxSettings
from detection.proposals.multibox.proposer import MultiBox, Viewer
from detection.runtime import keep_freed_memory

KIND = "multibox"
NETWORK, HEAD = "network", "head"  # of a file's tensor names


@dataclass(frozen=True)
class MultiBoxModel:
    """The trained parts of a MultiBox; what a model file holds. ``network`` has the stages that the head looks at."""

    network: GoogLeNet
    head: MultiBoxHead
    preprocessing: Preprocessing
    provenance: dict[str, Any]


def load_multibox(name_or_path: str | Path, *, top: int, device: torch.device) -> MultiBox:
    """The proposer of a model file, or of a model that comes with the package.

    Raises ``FileNotFoundError``, and ``ValueError`` for a file of another kind, foreign or damaged.
    """
    keep_freed_memory()
    path = model_file(name_or_path)
    if path is None:
        choices = ", ".join(bundled_of(KIND)) or "none"
        raise FileNotFoundError(
            f"no MultiBox model file {name_or_path}, and none of that name comes with the package "
            f"(there are: {choices}); tools/finetune.py configs/multibox_voc5.yaml makes one"
        )
    model = read_multibox(path)
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    viewer = viewer_on(model.network, model.head.settings, model.preprocessing, device)
    return MultiBox(viewer, model.head, top=top, model=content)


def viewer_on(
    network: GoogLeNet, settings: MultiBoxSettings, preprocessing: Preprocessing, device: torch.device
) -> Viewer:
    """What looks at images with the stages of ``network``, in its quickest form."""
    trunk = partial(_maps, prepare_for_inference(network, device), settings.stages)
    return Viewer(trunk, preprocessing.normalise, settings.image_size, device)


def _maps(network: GoogLeNet, stages: tuple[str, ...], images: Tensor) -> list[Tensor]:
    """The maps of some stages, in their order, each made of the one before."""
    after = dict(pairwise(network.STAGES))
    x = images.to(next(network.parameters()).dtype, memory_format=torch.channels_last)
    first, maps = network.STAGES[0], []
    for stage in stages:
        x = network.forward_stages(x, first, stage)
        first = after.get(stage, stage)
        maps.append(x)
    return maps


def trunk_of(options: GoogLeNetOptions, last: str) -> GoogLeNet:
    """A GoogLeNet that ends with the stage ``last``: it has no weights that a MultiBox does not use."""
    network = GoogLeNet(replace(options, num_classes=0, auxiliary=False)).eval()
    for stage in network.STAGES[network.STAGES.index(last) + 1 :]:
        del network.inceptions[stage]
    return network


def save_multibox(path: Path, model: MultiBoxModel, dtype: torch.dtype = torch.float16) -> None:
    """Write a MultiBox; ``dtype`` is what its weights are stored in."""
    header = {
        "kind": KIND,
        "architecture": {"name": "googlenet", "options": model.network.options.to_dict()},
        "preprocessing": model.preprocessing.to_dict(),
        "multibox": {**asdict(model.head.settings), "priors": len(model.head.priors)},
        "provenance": model.provenance,
    }
    parts = nn.ModuleDict({NETWORK: model.network, HEAD: model.head})
    save_model_file(path, parts.state_dict(), header, dtype)


def read_multibox(path: Path) -> MultiBoxModel:
    """Read what :func:`save_multibox` wrote; its weights become float32.

    Raises ``FileNotFoundError``, and ``ValueError`` for a file of another kind, foreign or damaged.
    """
    tensors, header = read_model_file(path, kind=KIND)
    try:
        options = GoogLeNetOptions.from_dict(header["architecture"]["options"])
        preprocessing = Preprocessing.from_dict(header["preprocessing"])
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in header[KIND].items()
        }
        priors = torch.zeros(values.pop("priors"), 4)
        settings = MultiBoxSettings(**values)
        parts = nn.ModuleDict(
            {
                NETWORK: trunk_of(options, settings.stages[-1]),
                HEAD: MultiBoxHead(priors, settings),
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: a header that this version does not understand: {error}") from error
    load_strict(parts, {name: tensor.float() for name, tensor in tensors.items()}, path)
    network, head = parts[NETWORK], parts[HEAD]
    assert isinstance(network, GoogLeNet)
    assert isinstance(head, MultiBoxHead)
    return MultiBoxModel(network, head.eval(), preprocessing, header.get("provenance", {}))
