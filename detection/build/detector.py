"""From model files to a detector that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from backbone.googlenet import GoogLeNet
from backbone.inference import prepare_for_inference
from backbone.preprocessing import Preprocessing
from detection.build.model_file import KIND, DetectorModel, bundled_of, check_members, read_detector, with_settings
from detection.build.proposers import build_proposer, check_same_proposals
from detection.config import Config
from detection.config_file import overrides_of
from detection.detector import RegionDetector, Selection
from detection.heads.members import Member
from detection.heads.region_classifier import RegionClassifier
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import Scoring, fitted
from detection.inference.models import BUNDLED, model_files
from detection.proposals.ranking import RegionRanker, RegionSelector
from detection.regions.warp import Warp
from detection.runtime import choose_device
from detection.suppress import Suppression

Scorer = TypeVar("Scorer", bound=nn.Module)


def load_detector(
    models: Sequence[str | Path] | str | Path | None = None,
    *,
    device: str | torch.device = "auto",
    top: int | None = None,
    proposals: Mapping[str, object] | Sequence[str] = (),
    detection: Mapping[str, object] | Sequence[str] = (),
    allow_other_proposals: bool = False,
) -> RegionDetector:
    """The detector of one model, or the ensemble of several; without any, the bundled one.

    A model is a file, the name of a bundled one, a list of files (``.txt``, one a line), or a folder of runs that
    tools/ensemble.py trained.

    ``top``: how many regions a photo are scored (default: what the model was made with). ``proposals``: what differs
    from the model's own proposals, of :class:`detection.config.ProposalsConfig`: ``{"time_limit": 5}``, or as on a
    command line ``["time_limit=5"]``; what makes other boxes is refused unless ``allow_other_proposals``.
    ``detection``: what differs from the model's way of scoring and suppressing, likewise of
    :class:`detection.config.DetectionConfig`: ``{"box_regression": "none"}``. Raises ``FileNotFoundError`` and
    ``ValueError`` with the file and what is wrong.
    """
    if top is not None and top < 1:
        raise ValueError(f"top: at least one region of a photo must be scored, got {top}")
    names = [models] if isinstance(models, (str, Path)) else [BUNDLED] if models is None else list(models)
    if not names:
        raise ValueError("models: an empty list; leave it out for the bundled detector")
    files = [file for name in names for file in files_of(name)]
    read = [read_detector(file) for file in files]
    check_members(read, files)
    read[0] = with_settings(read[0], [*overrides_of("proposals", proposals), *overrides_of("detection", detection)])
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
    scorer = build_scorer(models, device)
    selector = None  # or a look at the whole image, with the trunk that scores the regions
    if first.ranker is not None:
        selector = build_selector(scorer.members[0].network.backbone, first.ranker, first.preprocessing, device)
    return RegionDetector(
        first.class_names,
        proposer,
        scorer,
        Selection(selector, top or first.config.ranking.top),
        suppression_of(first.config),
        first.calibration if first.calibration and first.calibration.models == len(models) else None,
    )


def suppression_of(config: Config) -> Suppression:
    """What a config says of suppression."""
    detection = config.detection
    return Suppression(
        detection.suppression,
        detection.per_image,
        detection.floor,
        detection.voting,
        detection.support,
        detection.cover_penalty,
    )


def scoring_of(config: Config) -> Scoring:
    """What a config says of scores and boxes."""
    detection = config.detection
    return Scoring(detection.scores, detection.box_regression, detection.context, detection.localisation_confidence)


def refuse_unfitted(config: Config) -> None:
    """Refuse to train a model for a way of scoring that it will not have, or that is fitted on a finished one."""
    for wanted in config.detection.uses_fitted():
        raise ValueError(f"detection.{wanted} needs what tools/refine.py fits on a finished network: train without")
    if config.detection.localisation_confidence and not config.training.box_regression:
        raise ValueError(
            "detection.localisation_confidence judges a region by how far its box is moved, and with "
            "training.box_regression=false none is: set it to 0"
        )


def build_scorer(models: Sequence[DetectorModel], device: torch.device) -> RegionScorer:
    """The networks in their quickest form."""
    scoring = scoring_of(models[0].config)
    members = [_member(model, scoring, device) for model in models]
    largest = max(model.config.regions.size for model in models)
    return RegionScorer(members, device, batch_size_of(device, largest), scoring)


def batch_size_of(device: torch.device, size: int) -> int:
    """How many crops of ``size`` pixels a side are scored at once; on a GPU some 3 GB."""
    return 64 if device.type == "cpu" else max(1, 256 * 224**2 // size**2)


def _member(model: DetectorModel, scoring: Scoring, device: torch.device) -> Member:
    """A network with what ``scoring`` asks for, and no more; raises ``ValueError`` where it has none such."""
    whole = whole_member(model, device)
    if scoring.box_regression != "learned":
        whole.network.heads.box_regressor = None
    return replace(
        whole,
        svm=fitted(whole.svm, "scores=svm") if scoring.scores == "svm" else None,
        ridge=fitted(whole.ridge, "box_regression=ridge") if scoring.box_regression == "ridge" else None,
        context=fitted(whole.context, f"context={scoring.context:g}") if scoring.context else None,
    )


def whole_member(model: DetectorModel, device: torch.device) -> Member:
    """A model as what says all that it can, ready to run."""
    regions, scorers = model.config.regions, model.scorers
    return Member(
        ready(model.classifier, device),
        model.preprocessing,
        Warp(regions.size, regions.context, border_colour(model.preprocessing)),
        _moved(scorers.svm, device),
        _moved(scorers.ridge, device),
        _moved(scorers.context, device),
    )


def _moved(scorer: Scorer | None, device: torch.device) -> Scorer | None:
    return None if scorer is None else deepcopy(scorer).to(device).eval()


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


def files_of(name: str | Path) -> list[Path]:
    """The files of a model; raises ``FileNotFoundError`` where there is none of that name."""
    files = model_files(name)
    if not files:
        choices = ", ".join(bundled_of(KIND)) or "none"
        raise FileNotFoundError(f"no model file {name}, and no bundled model of that name (bundled: {choices})")
    return files
