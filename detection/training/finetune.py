"""Fine-tuning of the region classifier: what a step learns from a batch, and what the log says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from detection.heads.region_classifier import RegionClassifier
from detection.training.batches import Batch, BatchLoader
from detection.training.hard_negatives import keep_hardest
from detection.training.learner import SEED_STRIDE, Learner, Part, Place
from detection.training.losses import region_losses
from detection.training.schedule import Schedule


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


class Finetuning(Learner[RegionClassifier, Batch, Progress]):
    """A run in a folder, which :meth:`run` moves on step by step; ``ids`` name the photos."""

    VALUES = 3  # classification loss, box loss, accuracy

    def __init__(
        self,
        model: RegionClassifier,
        optimiser: torch.optim.Optimizer,
        schedule: Schedule,
        place: Place,
        loader: BatchLoader,
        normalise: Callable[[Tensor], Tensor],
        ids: Sequence[str],
    ) -> None:
        super().__init__(model.to(memory_format=torch.channels_last), optimiser, schedule, place)
        self.loader = loader
        self.normalise = normalise
        self.ids = ids

    def lessons(self, start: int, stop: int) -> Iterator[Batch]:
        return self.loader.batches(start, stop)

    def size(self, lesson: Batch) -> int:
        return lesson.total

    def learn(self, lesson: Batch) -> Iterator[Part]:
        """The shares of the classification loss, the box loss and the accuracy of each part."""
        lesson = self._hardest(lesson)
        for rows in torch.arange(len(lesson.classes)).chunk(self.schedule.accumulate):
            start, stop = int(rows[0]), int(rows[-1]) + 1
            torch.manual_seed(self.schedule.seed * SEED_STRIDE + self.step)  # dropout: a function of the step,
            self.model.heads.dropout.place(lesson.first + start, lesson.total)  # and of a crop's place in the batch
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                scores = self.model(self.normalise(lesson.crops[start:stop]))
            classes, regions, matches = (
                values[start:stop] for values in (lesson.classes, lesson.regions, lesson.matches)
            )
            losses = region_losses(scores, classes, regions, matches)
            right = (scores.logits.argmax(dim=1) == classes).float().mean()
            share = len(rows) / lesson.total
            values = torch.stack([losses.classification.detach(), losses.boxes.detach(), right])
            yield Part(share * (losses.classification + self.schedule.box_loss * losses.boxes), share * values)

    def _hardest(self, lesson: Batch) -> Batch:
        """A batch without the background to spare, if it has any."""
        if not lesson.groups[:, 1].any():
            return lesson
        self.model.eval()
        with torch.no_grad(), torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            parts = lesson.crops.chunk(self.schedule.accumulate)
            logits = torch.cat([self.model(self.normalise(crops)).logits for crops in parts])
        self.model.train()
        return keep_hardest(lesson, logits)

    def line(self, values: list[float], rate: float, speed: float) -> Progress:
        classification, boxes, accuracy = values
        return Progress(self.step, self.seen, classification, boxes, accuracy, rate, speed)

    def evidence(self, lesson: Batch) -> dict[str, Any]:
        return {
            "images": [self.ids[index] for index in lesson.images.tolist()],
            "regions": lesson.regions.cpu(),
            "crops": lesson.crops.cpu(),
            "classes": lesson.classes.cpu(),
            "matches": lesson.matches.cpu(),
        }


def region_optimiser(
    model: RegionClassifier,
    *,
    head_rate: float = 10.0,
    layer_decay: float = 1.0,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
) -> torch.optim.SGD:
    """Gradient descent with momentum on all that is not frozen; biases are not decayed.

    The new layers learn ``head_rate`` times as fast as the last stage of the backbone (R-CNN, section 2.3), and every
    stage ``layer_decay`` times as fast as the one after it.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        times = _times(name, model, head_rate, layer_decay)
        if times is not None:
            groups.setdefault((times, parameter.ndim > 1), []).append(parameter)
    return torch.optim.SGD(
        [
            {"params": parameters, "times": times, "weight_decay": weight_decay if decayed else 0.0}
            for (times, decayed), parameters in groups.items()
        ],
        lr=0.0,  # the learner sets it
        momentum=momentum,
        nesterov=momentum > 0,
    )


def _times(name: str, model: RegionClassifier, head_rate: float, layer_decay: float) -> float | None:
    """How much faster than the rate a parameter learns; ``None`` where it is frozen."""
    stages = list(model.stages.STAGES)
    if not name.startswith("backbone."):
        return head_rate
    stage = next(stages.index(part) for part in name.split(".") if part in stages)
    frozen = -1 if model.frozen is None else stages.index(model.frozen)
    return layer_decay ** (len(stages) - 1 - stage) if stage > frozen else None
