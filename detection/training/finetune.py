"""Fine-tuning of the region classifier: the loop and its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from detection.heads.region_classifier import RegionClassifier
from detection.training.batches import Batch, BatchLoader
from detection.training.learner import Learner, Schedule
from detection.training.losses import region_losses
from detection.training.metrics import log_line


@dataclass(frozen=True)
class Progress:
    """One line of metrics.jsonl: means over the steps since the last line; ``crops``: seen so far."""

    step: int
    crops: int
    classification_loss: float
    box_loss: float
    accuracy: float
    learning_rate: float
    crops_per_second: float


class Finetuning(Learner[RegionClassifier]):
    """A run in a folder, which :meth:`run` moves on step by step."""

    COUNTS = ("step", "crops", "best")

    def __init__(
        self,
        model: RegionClassifier,
        loader: BatchLoader,
        normalise: Callable[[torch.Tensor], torch.Tensor],
        schedule: Schedule,
        folder: Path,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        optimiser = torch.optim.SGD(
            _parameter_groups(model, schedule), momentum=schedule.momentum, nesterov=schedule.momentum > 0
        )
        super().__init__(model.to(memory_format=torch.channels_last), optimiser, schedule.average, folder)
        self.loader = loader
        self.normalise = normalise
        self.schedule = schedule
        self.dtype = dtype  # of the convolutions, by autocast
        self.crops = 0
        self.best = 0.0  # the highest validation score so far

    def run(self, stop: int, checkpoint_every: int, log_every: int, report: Callable[[Progress], None]) -> None:
        """Train up to (not including) step ``stop``, with a line of metrics every ``log_every`` steps."""
        self.model.train()
        recent, crops_before, started = [], self.crops, time.monotonic()
        for batch in self.loader.batches(self.step, stop):
            recent.append(self._train_on(batch))
            self.step += 1
            self.crops += len(batch.classes)
            if self.step % log_every == 0 or self.step == stop:
                means = torch.stack(recent).mean(dim=0).tolist()
                rate = self.schedule.learning_rate * self.schedule.factor(self.step - 1)
                speed = (self.crops - crops_before) / (time.monotonic() - started)
                line = Progress(self.step, self.crops, means[0], means[1], means[2], rate, speed)
                self.log(asdict(line))
                report(line)
                recent, crops_before, started = [], self.crops, time.monotonic()
            if self.step % checkpoint_every == 0 or self.step == stop:
                self.save()

    def _train_on(self, batch: Batch) -> torch.Tensor:
        """One step; the classification loss, the box loss and the accuracy."""
        torch.manual_seed(self.schedule.seed * 1_000_003 + self.step)  # dropout: a function of the step
        for group in self.optimiser.param_groups:
            group["lr"] = group["base_rate"] * self.schedule.factor(self.step)
        device = batch.crops.device
        with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
            scores = self.model(self.normalise(batch.crops))
        losses = region_losses(scores, batch.classes, batch.regions, batch.matches)
        self.learn(losses.classification + self.schedule.box_loss * losses.boxes)
        accuracy = (scores.logits.argmax(dim=1) == batch.classes).float().mean()
        return torch.stack([losses.classification.detach(), losses.boxes.detach(), accuracy]).cpu()

    def log(self, values: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        log_line(self.folder, values)


def _parameter_groups(model: RegionClassifier, schedule: Schedule) -> list[dict[str, Any]]:
    """Backbone and new layers with their own rates; biases are not decayed.

    Frozen stages are among them: their weights never get a gradient, and what has none is left alone.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        groups.setdefault((name.startswith("backbone."), parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "base_rate": schedule.learning_rate * (1.0 if backbone else schedule.head_rate),
            "lr": 0.0,
            "weight_decay": schedule.weight_decay if decayed else 0.0,
        }
        for (backbone, decayed), parameters in groups.items()
    ]
