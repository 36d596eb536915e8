"""Training of a classifier: stochastic gradient descent on random patches, both auxiliary losses, averaged weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from backbone.classification.patches import PatchStream
from backbone.classification.recipe import NetworkConfig, Recipe
from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.inference import fastest_dtype
from backbone.preprocessing import Preprocessing
from backbone.torchvision_weights import IMAGENET_PREPROCESSING
from backbone.weights import Backbone

# Section 5: RGB "with zero mean"; Caffe's networks see the same range of values.
PREPROCESSING = Preprocessing(mean=IMAGENET_PREPROCESSING.mean)


@dataclass(frozen=True)
class Progress:
    """Means over the steps since the last one; ``loss`` is that of the main classifier, without the auxiliary ones."""

    step: int
    epoch: float
    loss: float
    accuracy: float
    learning_rate: float
    photos_per_second: float


def new_network(config: NetworkConfig, num_classes: int) -> GoogLeNet:
    """A network with initial weights; two of the same config and number of classes are equal."""
    if config.auxiliary and config.input_size != PREPROCESSING.input_size:
        raise ValueError(
            f"network.input_size {config.input_size}: the auxiliary heads need {PREPROCESSING.input_size}; "
            "or network.auxiliary: false"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.initialisation_seed)
        return GoogLeNet(
            GoogLeNetOptions(
                num_classes=num_classes,
                **config.model_dump(include={"width", "stem", "normalisation", "auxiliary", "dropout"}),
            )
        )


def training_losses(network: GoogLeNet, crops: Tensor, labels: Tensor, auxiliary_loss: float) -> tuple[Tensor, Tensor]:
    """What is minimised, and the logits (N, K): cross-entropy, and that of both auxiliary heads times their weight."""
    if not network.auxiliaries or not auxiliary_loss:
        logits = network(crops)
        return F.cross_entropy(logits.float(), labels), logits
    main, *auxiliary = network.forward_with_auxiliaries(crops)
    losses = [F.cross_entropy(logits.float(), labels) for logits in (main, *auxiliary)]
    return losses[0] + auxiliary_loss * (losses[1] + losses[2]), main


def polyak(decay: float) -> Callable[[Any, Any, Any], None]:
    """How ``AveragedModel`` averages: at step t by ``min(decay, t / (t + 10))``.

    Exponentially therefore from step ``10 * decay / (1 - decay)`` on; until then two thirds lie on the last tenth of
    the steps so far, whatever ``decay`` is.
    """

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        weight = 1 - min(decay, int(count) / (int(count) + 10))
        for mean, new in zip(averaged, current, strict=True):
            mean.lerp_(new, weight)

    return update


class Pretraining:
    """A training run: :meth:`run` moves it on, :meth:`state_dict` is all that it needs to go on later, bit for bit."""

    def __init__(
        self, network: GoogLeNet, stream: PatchStream, recipe: Recipe, device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last)
        self.stream = stream
        self.recipe = recipe
        self.step = 0
        self.steps = recipe.steps(len(stream))
        self.optimiser = torch.optim.SGD(_parameter_groups(self.network, recipe), momentum=recipe.momentum)
        self.average = AveragedModel(self.network, multi_avg_fn=polyak(recipe.average), use_buffers=False)
        # float16 would need its losses scaled; a GPU that has no bfloat16 trains in float32
        self.half = fastest_dtype(self.device) == torch.bfloat16

    def run(self, stop: int, *, workers: int = 0, log_every: int = 20) -> Iterator[Progress]:
        """Train up to (not including) step ``stop``; gives the progress of every ``log_every`` steps, and at the end.

        Raises ``FloatingPointError`` where the loss is no number; nothing is learnt from it.
        """
        self.network.train()
        recent: list[Tensor] = []
        started = time.monotonic()
        for crops, labels in self.stream.batches(self.step, stop, self.recipe.batch_size, workers):
            recent.append(self._learn(crops.to(self.device), labels.to(self.device)))
            self.step += 1
            if self.step % log_every == 0 or self.step == stop:
                loss, accuracy = torch.stack(recent).mean(dim=0).tolist()
                seen = self.step * self.recipe.batch_size
                speed = len(recent) * self.recipe.batch_size / (time.monotonic() - started)
                rate = self.recipe.rate(self.step - 1, len(self.stream))
                yield Progress(self.step, seen / len(self.stream), loss, accuracy, rate, speed)
                recent, started = [], time.monotonic()

    def _learn(self, crops: Tensor, labels: Tensor) -> Tensor:
        """One step; the loss and the accuracy of the main classifier, (2,)."""
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # dropout: a function of the step
        rate = self.recipe.rate(self.step, len(self.stream))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["times"]
        inputs = PREPROCESSING.normalise(crops).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss, logits = training_losses(self.network, inputs, labels, self.recipe.auxiliary_loss)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(
                f"the loss became {loss.item()} at step {self.step}: lower recipe.learning_rate and begin anew"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update_parameters(self.network)
        main = F.cross_entropy(logits.detach().float(), labels)
        return torch.stack([main, (logits.argmax(dim=1) == labels).float().mean()]).cpu()

    def classifier(self) -> Backbone:
        """What is tested and kept: the averaged weights, without auxiliary heads."""
        averaged = self.average.module
        assert isinstance(averaged, GoogLeNet)
        network = GoogLeNet(replace(averaged.options, auxiliary=False))
        kept = averaged.state_dict()
        network.load_state_dict({name: kept[name] for name in network.state_dict()})
        preprocessing = replace(PREPROCESSING, input_size=self.stream.size)
        return Backbone(network.eval(), preprocessing, self.stream.photos.class_names)

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`; ``ValueError`` for that of another run."""
        try:
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average.load_state_dict(state["average"])
            self.step = int(state["step"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # what PyTorch raises for another's state
            reason = " ".join(str(error).split())
            raise ValueError(f"a checkpoint of another network or class list: {reason}") from error


def _parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """As in Caffe's ``train_val.prototxt``: biases learn twice as fast, and are not decayed."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [
        {"params": weights, "lr": 0.0, "times": 1.0, "weight_decay": recipe.weight_decay},
        {"params": biases, "lr": 0.0, "times": 2.0, "weight_decay": 0.0},
    ]
