"""How long a training lasts and how fast it learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: the rate rises for ``warmup`` steps, then falls linearly to 0.

    A parameter group's "times" multiplies the rate. ``accumulate`` cuts each batch into as many parts, which need less
    memory and give the same gradients (without batch norm, which sees a part at a time); ``average`` is the decay of
    :class:`detection.training.averaging.WeightAverage`.
    """

    steps: int
    learning_rate: float = 0.001
    warmup: int = 100
    box_loss: float = 1.0
    average: float = 0.998
    accumulate: int = 1
    seed: int = 0
    checkpoint_every: int = 100
    log_every: int = 20

    def rate(self, step: int) -> float:
        """The learning rate at a step."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        return self.learning_rate * rise * (1 - step / self.steps)
