"""Fine-tuning of the region classifier: the loop, its schedule and its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from detection.heads.region_classifier import RegionClassifier
from detection.training.averaging import WeightAverage
from detection.training.batches import Batch, BatchLoader
from detection.training.checkpoint import load_checkpoint, save_checkpoint
from detection.training.losses import region_losses
from detection.training.metrics import forget_after, log_line

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Schedule:
    """Stochastic gradient descent with momentum; the rate rises for ``warmup`` steps, then falls linearly to 0."""

    steps: int
    learning_rate: float = 0.001
    head_rate: float = 10.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: int = 100
    box_loss: float = 1.0
    average: float = 0.998
    seed: int = 0

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by at a step."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        return rise * (1 - step / self.steps)


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


class NonFiniteLossError(RuntimeError):
    """The loss is no longer a number; nothing was learnt from it, and the last checkpoint is from before."""


class Finetuning:
    """A run in a folder: model, optimiser and average, which :meth:`run` moves on step by step."""

    def __init__(
        self,
        model: RegionClassifier,
        loader: BatchLoader,
        normalise: Callable[[torch.Tensor], torch.Tensor],
        schedule: Schedule,
        folder: Path,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.model = model.to(memory_format=torch.channels_last)
        self.loader = loader
        self.normalise = normalise
        self.schedule = schedule
        self.folder = folder
        self.dtype = dtype  # of the convolutions, by autocast
        self.step = 0
        self.crops = 0
        self.best = 0.0  # the highest validation score so far
        self.optimiser = torch.optim.SGD(
            _parameter_groups(model, schedule), momentum=schedule.momentum, nesterov=schedule.momentum > 0
        )
        self.average = WeightAverage(model, schedule.average)

    def resume(self) -> None:
        """Go on from the folder's checkpoint; what was logged after it will happen again, and is forgotten.

        Raises ``FileNotFoundError``, and ``ValueError`` for a file that is no checkpoint of this model.
        """
        path = self.folder / CHECKPOINT
        state = load_checkpoint(path)
        try:
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average.load_state_dict(state["average"])
            self.step, self.crops, self.best = state["step"], state["crops"], state["best"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # what PyTorch raises for another's state
            reason = " ".join(str(error).split())
            raise ValueError(f"{path} is a checkpoint of another model or class list: {reason}") from error
        forget_after(self.folder, self.step)

    def save(self) -> None:
        """Write the checkpoint."""
        state: dict[str, Any] = {
            "step": self.step,
            "crops": self.crops,
            "best": self.best,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state_dict(),
        }
        save_checkpoint(self.folder / CHECKPOINT, state)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """While this lasts the model has its averaged weights: those are judged and kept."""
        self.average.swap(self.model)
        try:
            yield
        finally:
            self.average.swap(self.model)

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
        loss = losses.classification + self.schedule.box_loss * losses.boxes
        if not torch.isfinite(loss):
            raise NonFiniteLossError(
                f"the loss became {loss.item()} at step {self.step}: lower training.learning_rate and begin anew"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update(self.model)
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
