"""What R-CNN puts on a finished network, fitted in two looks at the training photos."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detection.boxes import Boxes
from detection.build.data_facts import data_hash
from detection.build.detector import build_detector, files_of
from detection.build.model_file import DetectorModel, Scorers, read_detector, with_settings
from detection.build.proposers import build_proposer
from detection.build.sources import training_parts
from detection.config import DataConfig, DetectionConfig, ScoringConfig
from detection.datasets.base import Dataset, classes_not_shown
from detection.datasets.combine import join_datasets
from detection.datasets.open import find_dataset
from detection.heads.bbox_regression import RidgeBoxes
from detection.heads.box_coding import encode_boxes
from detection.heads.context import PhotoContext
from detection.heads.svm import SvmScorer
from detection.proposals.store import ProposalStore, Report
from detection.structures import Proposals, Target
from detection.training.features import Looker, Overview, Seen, first_look
from detection.training.logistic import drawn_in, fit_logistic, fit_sigmoid
from detection.training.ridge import RidgeSums
from detection.training.sampling import IGNORED, label_regions, overlap_with
from detection.training.svm import HardNegatives, SvmSettings

CHANGEABLE = ("scoring", "detection")  # sections of a finished model's config


def model_to_refine(name: str, changes: Sequence[str]) -> DetectorModel:
    """A model with ``section.key=value`` changes of how scorers are fitted and which are used.

    Raises ``FileNotFoundError``, and ``ValueError`` for several models and for other sections.
    """
    files = files_of(name)
    if len(files) > 1:
        raise ValueError(f"{name} is an ensemble: refine its models one by one")
    for change in changes:
        if change.partition(".")[0] not in CHANGEABLE:
            raise ValueError(f"--set {change}: of a finished model only {' and '.join(CHANGEABLE)} can be changed")
    return with_settings(read_detector(files[0]), changes, "--set ")


def photos_to_refine_on(
    model: DetectorModel, data: str, store: Path, report: Report
) -> tuple[Dataset, dict[int, Proposals]]:
    """A data set with the model's classes, and from a store the proposals of its photos that are looked at, by index.

    They are those that the model was trained on, without blacklisted and held out ones, or those of the split that
    ``data`` names.
    """
    config = model.config
    parts, _ = training_parts(_photos_of(config.data, find_dataset(data).split, model.class_names), data)
    photos = join_datasets(parts)
    drawn = np.random.default_rng(config.training.seed).permutation(len(photos))[: config.scoring.photos]
    indices = sorted(drawn.tolist())
    kept = ProposalStore(store, build_proposer(config.proposals))
    return photos, dict(zip(indices, kept.fill([photos.path(index) for index in indices], report=report), strict=True))


def _photos_of(trained: DataConfig, split: str | None, class_names: tuple[str, ...]) -> DataConfig:
    """The photos that a model of these classes was trained on, or instead of them those of a split."""
    changes: dict[str, object] = {"class_names": class_names}
    if split is not None:
        in_part = split in (trained.partial_split or "").split("+")
        changes |= {"train_split": split, "partial_split": split if in_part else None}
    return trained.model_copy(update=changes)


def fit_scorers(
    model: DetectorModel, photos: Dataset, proposals: Mapping[int, Proposals], device: torch.device, report: Report
) -> DetectorModel:
    """The model with SVMs, ridge boxes and a contextual model of its own, fitted as its config's ``scoring`` says.

    The photos that ``proposals`` has, by index, are looked at. Whether the scorers are used is up to ``detection`` in
    its config. Raises ``ValueError`` for a class that no photo shows.
    """
    _check_classes(photos, proposals)
    plain = model.config.model_copy(update={"detection": DetectionConfig()})  # the network alone is looked through
    detector = build_detector([replace(model, config=plain)], device)
    regions: dict[int, Boxes] = {}
    for index, proposed in proposals.items():
        regions[index] = detector.select(photos.image(index), proposed).boxes
        report("selecting regions", len(regions), len(proposals))
    (member,) = detector.scorer.members
    looker = Looker(member, device, photos, regions, model.config.training.seed)
    scorers = fit_on(looker, model.config.scoring, report)
    fitted = {"scorers": {"photos": len(regions), "data": data_hash(photos)}}
    calibration = None if model.config.detection.uses_fitted() else model.calibration  # which was of the former ones
    return replace(model, scorers=scorers, provenance={**model.provenance, **fitted}, calibration=calibration)


def _check_classes(photos: Dataset, indices: Collection[int]) -> None:
    if never := classes_not_shown(photos, indices):
        more = ", or look at more (--set scoring.photos=N)" if len(indices) < len(photos) else ""
        raise ValueError(
            f"none of the {len(indices)} photos holds a {never[0]} that counts: no SVM can be fitted to it; "
            f"name photos that show one in --data{more}, or train again without it (data.class_names)"
        )


def fit_on(looker: Looker, settings: ScoringConfig, report: Report) -> Scorers:
    """The scorers of the network of ``looker``, on the CPU."""
    indices, names = list(looker.regions), looker.photos.class_names
    overview = first_look(looker, indices, report)
    svm = SvmSettings(settings.svm_cost, settings.svm_bias, settings.positive_weight)
    scale = overview.scale(settings.feature_norm)
    mining = [HardNegatives(overview.objects[overview.labels == k] * scale, svm) for k in range(len(names))]
    boxes = RidgeBoxes(len(names), overview.wholes.shape[1])
    boxes.project.weight.data = _components(overview, boxes.project.out_channels)
    sums = RidgeSums(len(names), boxes.linear.in_features)
    for done, index in enumerate(indices, start=1):
        regions = np.concatenate([looker.objects(index).boxes, looker.some(index, settings.regions)])
        if not len(regions):
            continue
        seen, target = looker.look(looker.photos.image(index), regions), looker.photos.target(index)
        features = seen.features * scale
        for k, negatives in enumerate(mining):
            overlap = overlap_with(regions, target[target.labels == k])
            negatives.add(features[(overlap < settings.negative_overlap) & (not target.partial)])
        _add_pairs(sums, boxes, seen, target, settings.ridge_overlap)
        report("second look at photos", done, len(indices))
    return Scorers(
        _svms(mining, overview, scale).eval(),
        _ridge(boxes, sums, settings).eval(),
        _context(overview, scale, settings.context_cost).eval(),
    )


def _components(overview: Overview, width: int) -> Tensor:
    """The first principal components, as the kernel of a 1x1 convolution."""
    return torch.from_numpy(overview.components[:width, :, None, None].copy())


@torch.inference_mode()
def _add_pairs(sums: RidgeSums, boxes: RidgeBoxes, seen: Seen, target: Target, overlap: float) -> None:
    """Add the regions that overlap an object by ``overlap`` or more, and where that object lies."""
    labels = label_regions(seen.boxes, target, overlap)
    rows = np.flatnonzero(labels.classes > 0)
    offsets = encode_boxes(torch.from_numpy(labels.matches[rows]), torch.from_numpy(seen.boxes[rows]))
    sums.add(boxes.describe(seen.maps[rows].cpu()).numpy(), offsets.numpy(), labels.classes[rows] - 1)


def _svms(mining: Sequence[HardNegatives], overview: Overview, scale: float) -> SvmScorer:
    """The SVMs, and sigmoids for them: of all objects, and of the regions that were kept of the first look."""
    scorer = SvmScorer(len(mining), overview.wholes.shape[1])
    scorer.scale.fill_(scale)
    features = np.concatenate([overview.objects, overview.regions]) * scale
    shown = np.concatenate([overview.labels + 1, overview.classes])
    for k, negatives in enumerate(mining):
        svm = negatives.fit()
        known = shown != IGNORED
        slope, shift = fit_sigmoid(svm.margins(features[known]), shown[known] == k + 1)
        scorer.linear.weight.data[k] = torch.from_numpy(svm.weights[:-1])
        scorer.linear.bias.data[k] = float(svm.weights[-1]) * svm.settings.bias
        scorer.slope[k], scorer.shift[k] = slope, shift
    return scorer


def _ridge(boxes: RidgeBoxes, sums: RidgeSums, settings: ScoringConfig) -> RidgeBoxes:
    scale = sums.scale(settings.feature_norm)
    weights, biases = sums.solve(settings.ridge, scale)
    boxes.scale.fill_(scale)
    boxes.linear.weight.data = torch.from_numpy(weights).float().flatten(0, 1)
    boxes.linear.bias.data = torch.from_numpy(biases).float().flatten()
    return boxes


def _context(overview: Overview, scale: float, cost: float) -> PhotoContext:
    context = PhotoContext(overview.present.shape[1], overview.wholes.shape[1])
    context.scale.fill_(scale)
    for k, known in enumerate(overview.known.T):
        present = overview.present[known, k]
        weights, bias = fit_logistic(overview.wholes[known] * scale, drawn_in(present), cost)
        context.linear.weight.data[k] = torch.from_numpy(weights)
        context.linear.bias.data[k] = bias - math.log((present.sum() + 1) / ((~present).sum() + 1))
    return context
