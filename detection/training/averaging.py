"""Polyak averaging: the model that is kept is the mean of the recent models (paper, section 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """A moving average of a module's trained weights.

    At step t the average is kept by ``min(decay, t / (t + 10))`` and the rest is the weights of the moment. While the
    second is smaller, for ``10 * decay / (1 - decay)`` steps (4,990 of decay 0.998), the weights of step s count by the
    tenth power of s / t: two thirds lie on the last tenth of the steps, and ``decay`` says nothing yet. From then on it
    is an exponential average over about ``1 / (1 - decay)`` steps. backbone.classification.training's ``polyak`` is the
    same for a classifier.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {name: w.detach().clone() for name, w in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, weight in module.named_parameters():
            self.weights[name].lerp_(weight, 1 - decay)

    @torch.no_grad()
    def swap(self, module: nn.Module) -> None:
        """Exchange the module's weights with the averaged ones; a second call puts them back."""
        for name, weight in module.named_parameters():
            kept = self.weights[name].clone()
            self.weights[name].copy_(weight)
            weight.copy_(kept)

    def state_dict(self) -> dict[str, Tensor | int]:
        return {"steps": self.steps, **self.weights}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        self.steps = int(state["steps"])
        for name, weight in self.weights.items():
            weight.copy_(torch.as_tensor(state[name]))
