"""From model files to a detector that runs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from importlib import resources
from pathlib import Path

import torch

from backbone.googlenet import GoogLeNet
from backbone.inference import prepare_for_inference
from backbone.preprocessing import Preprocessing
from detection.build.model_file import DetectorModel, check_members, read_detector
from detection.build.proposers import build_proposer, check_same_proposals
from detection.detector import RegionDetector, Selection, Suppression
from detection.heads.region_classifier import RegionClassifier
from detection.heads.scoring import Member, RegionScorer
from detection.proposals.ranking import RegionRanker, RegionSelector
from detection.regions.warp import Warp
from detection.runtime import choose_device, keep_freed_memory

BUNDLED = "voc5"


def load_detector(
    models: Sequence[str | Path] | str | Path | None = None, *, device: str = "auto", top: int | None = None
) -> RegionDetector:
    """The detector of one model file, or the ensemble of several; without any, the bundled one.

    ``top``: how many regions a photo are scored (default: what the model was made with). Raises ``FileNotFoundError``
    and ``ValueError`` with the file and what is wrong.
    """
    keep_freed_memory()
    if top is not None and top < 1:
        raise ValueError(f"top: at least one region of a photo must be scored, got {top}")
    names = [models] if isinstance(models, (str, Path)) else list(models or [BUNDLED])
    files = [_find(name) for name in names]
    read = [read_detector(file) for file in files]
    check_members(read, files)
    return build_detector(read, choose_device(device), top)


def build_detector(models: Sequence[DetectorModel], device: torch.device, top: int | None = None) -> RegionDetector:
    """The detector of models in memory; the first one's proposals, selection and suppression are used."""
    first = models[0]
    proposer = build_proposer(first.config.proposals)
    check_same_proposals(proposer, first.proposals, "the model")
    detection = first.config.detection
    return RegionDetector(
        first.class_names,
        proposer,
        build_scorer(models, device),
        Selection(build_selector(first, device), top or first.config.ranking.top),
        Suppression(detection.suppression, detection.per_image, detection.floor, detection.voting),
    )


def build_scorer(models: Sequence[DetectorModel], device: torch.device) -> RegionScorer:
    """The networks in their quickest form, behind one crop of each region."""
    regions = models[0].config.regions
    warp = Warp(regions.size, regions.context, border_colour(models[0].preprocessing))
    members = [Member(ready(model.classifier, device), model.preprocessing.normalise) for model in models]
    return RegionScorer(members, warp, device, batch_size=512 if device.type == "cuda" else 64)


def build_selector(model: DetectorModel, device: torch.device) -> RegionSelector | None:
    """The look at the whole image, with the detector's own trunk; None where the model was made without one."""
    if model.ranker is None:
        return None
    network = model.classifier.backbone
    assert isinstance(network, GoogLeNet)
    return selector_on(network, model.ranker, model.preprocessing, device)


def selector_on(
    network: GoogLeNet, ranker: RegionRanker, preprocessing: Preprocessing, device: torch.device
) -> RegionSelector:
    """A ranker on the stages of ``network`` that it was trained on."""
    quick = prepare_for_inference(network, device)
    trunk = partial(_run_trunk, quick, ranker.settings.stage)
    return RegionSelector(trunk, ranker, preprocessing.normalise, device)


def _run_trunk(network: GoogLeNet, last: str, images: torch.Tensor) -> torch.Tensor:
    dtype = next(network.parameters()).dtype
    return network.forward_stages(images.to(dtype, memory_format=torch.channels_last), last=last)


def ready(classifier: RegionClassifier, device: torch.device) -> RegionClassifier:
    """A copy for running only: the backbone in its quickest form, the heads in float32."""
    network = classifier.backbone
    assert isinstance(network, GoogLeNet)
    return RegionClassifier(prepare_for_inference(network, device), deepcopy(classifier.heads).to(device)).eval()


def border_colour(preprocessing: Preprocessing) -> tuple[float, float, float]:
    """The mean that a network takes off, as RGB: what a crop shows outside the image."""
    mean = preprocessing.mean
    return mean if preprocessing.channel_order == "rgb" else (mean[2], mean[1], mean[0])


def _find(name: str | Path) -> Path:
    """The file of a model: a path, or the name of a bundled one."""
    bundled = Path(str(resources.files("detection"))) / "models"
    path = Path(name)
    if path.is_file():
        return path
    if (bundled / f"{name}.safetensors").is_file():
        return bundled / f"{name}.safetensors"
    choices = ", ".join(sorted(file.stem for file in bundled.glob("*.safetensors"))) or "none"
    raise FileNotFoundError(f"no model file {path}, and no bundled model of that name (bundled: {choices})")
