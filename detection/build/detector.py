"""From model files to a detector that runs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from backbone.googlenet import GoogLeNet
from backbone.inference import prepare_for_inference
from backbone.preprocessing import Preprocessing
from detection.build.model_file import DetectorModel, check_members, read_detector
from detection.build.proposers import build_proposer, check_same_proposals
from detection.config import change_config
from detection.detector import RegionDetector, Selection, Suppression
from detection.heads.region_classifier import RegionClassifier
from detection.heads.scoring import Member, RegionScorer
from detection.inference.models import BUNDLED, bundled_models, model_file
from detection.proposals.ranking import RegionRanker, RegionSelector
from detection.regions.warp import Warp
from detection.runtime import choose_device, keep_freed_memory


def load_detector(
    models: Sequence[str | Path] | str | Path | None = None,
    *,
    device: str = "auto",
    top: int | None = None,
    proposals: Sequence[str] = (),
    allow_other_proposals: bool = False,
) -> RegionDetector:
    """The detector of one model file, or the ensemble of several; without any, the bundled one.

    ``top``: how many regions a photo are scored (default: what the model was made with). ``proposals``: what differs
    from the model's own proposals, each a ``key=value`` of :class:`detection.config.ProposalsConfig`, such as
    ``time_limit=5``; what makes other boxes is refused unless ``allow_other_proposals``. Raises ``FileNotFoundError``
    and ``ValueError`` with the file and what is wrong.
    """
    keep_freed_memory()
    if top is not None and top < 1:
        raise ValueError(f"top: at least one region of a photo must be scored, got {top}")
    names = [models] if isinstance(models, (str, Path)) else list(models or [BUNDLED])
    files = [_file_of(name) for name in names]
    read = [read_detector(file) for file in files]
    check_members(read, files)
    changes = [f"proposals.{change}" for change in proposals]
    read[0] = replace(read[0], config=change_config(read[0].config, changes))
    return build_detector(read, choose_device(device), top, allow_other_proposals=allow_other_proposals)


def build_detector(
    models: Sequence[DetectorModel],
    device: torch.device,
    top: int | None = None,
    *,
    allow_other_proposals: bool = False,
) -> RegionDetector:
    """The detector of models in memory; the first one's proposals, selection and suppression are used."""
    first = models[0]
    proposer = build_proposer(first.config.proposals)
    check_same_proposals(proposer, first.proposals, "the model", allow_other_proposals=allow_other_proposals)
    detection = first.config.detection
    scorer = build_scorer(models, device)
    selector = None  # or a look at the whole image, with the trunk that scores the regions
    if first.ranker is not None:
        selector = build_selector(scorer.members[0].network.backbone, first.ranker, first.preprocessing, device)
    return RegionDetector(
        first.class_names,
        proposer,
        scorer,
        Selection(selector, top or first.config.ranking.top),
        Suppression(detection.suppression, detection.per_image, detection.floor, detection.voting),
    )


def build_scorer(models: Sequence[DetectorModel], device: torch.device) -> RegionScorer:
    """The networks in their quickest form, behind one crop of each region."""
    regions = models[0].config.regions
    warp = Warp(regions.size, regions.context, border_colour(models[0].preprocessing))
    members = [Member(ready(model.classifier, device), model.preprocessing.normalise) for model in models]
    return RegionScorer(members, warp, device, batch_size=512 if device.type == "cuda" else 64)


def build_selector(
    quick: nn.Module, ranker: RegionRanker, preprocessing: Preprocessing, device: torch.device
) -> RegionSelector:
    """A ranker on the stages that it was trained on, of a network on ``device`` in its form for running."""
    assert isinstance(quick, GoogLeNet)
    trunk = partial(_run_trunk, quick, ranker.settings.stage)
    return RegionSelector(trunk, ranker, preprocessing.normalise, device)


def _run_trunk(network: GoogLeNet, last: str, images: torch.Tensor) -> torch.Tensor:
    dtype = next(network.parameters()).dtype
    return network.forward_stages(images.to(dtype, memory_format=torch.channels_last), last=last)


def ready(classifier: RegionClassifier, device: torch.device) -> RegionClassifier:
    """A copy for running only: the backbone in its quickest form, the heads in float32."""
    assert isinstance(classifier.backbone, GoogLeNet)
    quick = prepare_for_inference(classifier.backbone, device)
    return RegionClassifier(quick, deepcopy(classifier.heads).to(device)).eval()


def border_colour(preprocessing: Preprocessing) -> tuple[float, float, float]:
    """The mean that a network takes off, as RGB: what a crop shows outside the image."""
    mean = preprocessing.mean
    return mean if preprocessing.channel_order == "rgb" else (mean[2], mean[1], mean[0])


def _file_of(name: str | Path) -> Path:
    path = model_file(name)
    if path is None:
        choices = ", ".join(bundled_models()) or "none"
        raise FileNotFoundError(f"no model file {name}, and no bundled model of that name (bundled: {choices})")
    return path
