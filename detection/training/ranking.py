"""Training of the region ranker on feature maps that are computed once: seconds an epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from detection.boxes import Boxes
from detection.proposals.ranking import RegionRanker
from detection.training.sampling import RegionLabels

LEAST_STEPS = 100  # with fewer, a ranker of tens of photos chooses worse than the proposer's own order


@dataclass(frozen=True)
class RankingExample:
    """One image: its feature map (1, C, h, w), its regions (R, 4) in pixels of the map's image, and what they show."""

    feature_map: Tensor
    boxes: Boxes
    labels: RegionLabels


@dataclass(frozen=True)
class RankerTraining:
    """Adam with a rate that falls linearly to 0; of every image at most ``regions`` regions a step.

    Few images are seen in more than ``epochs``: there are :data:`LEAST_STEPS` steps at least.
    """

    epochs: int = 6
    images_per_step: int = 4
    regions: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    positives: float = 0.25
    seed: int = 0


def train_ranker(
    ranker: RegionRanker,
    examples: Sequence[RankingExample],
    settings: RankerTraining = RankerTraining(),
    progress: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Fit ``ranker`` in place; ``progress`` is told (step, steps)."""
    random = np.random.default_rng(settings.seed)
    optimiser = torch.optim.AdamW(ranker.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps = max(LEAST_STEPS, settings.epochs * len(examples) // settings.images_per_step) if examples else 0
    epochs = max(settings.epochs, math.ceil(steps * settings.images_per_step / max(1, len(examples))))
    order = np.concatenate([random.permutation(len(examples)) for _ in range(epochs)])
    device = next(ranker.parameters()).device
    ranker.train()
    for step in range(steps):
        chosen = order[step * settings.images_per_step :][: settings.images_per_step]
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * (1 - step / steps)
        losses = [_loss(ranker, examples[index], settings, random, device) for index in chosen]
        loss = torch.stack(losses).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        progress(step + 1, steps)
    ranker.eval()


def _loss(
    ranker: RegionRanker,
    example: RankingExample,
    settings: RankerTraining,
    random: np.random.Generator,
    device: torch.device,
) -> Tensor:
    """Cross entropy over a sample of an image's regions in which at most a share is positive."""
    rows = _sample(example.labels.classes, settings, random)
    boxes = torch.from_numpy(example.boxes[rows]).to(device)
    logits = ranker(example.feature_map.to(device).float(), boxes)
    return F.cross_entropy(logits, torch.from_numpy(example.labels.classes[rows]).to(device))


def _sample(classes: NDArray[np.int64], settings: RankerTraining, random: np.random.Generator) -> NDArray[np.int64]:
    positives = random.permutation(np.flatnonzero(classes > 0))[: int(settings.positives * settings.regions)]
    negatives = random.permutation(np.flatnonzero(classes == 0))[: settings.regions - len(positives)]
    return np.concatenate([positives, negatives])
