"""What every training run is: a module, its optimiser and its averaged weights, at a step, kept in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from detection.training.averaging import WeightAverage
from detection.training.checkpoint import load_checkpoint, save_checkpoint
from detection.training.metrics import forget_after

CHECKPOINT = "checkpoint.pt"
Module = TypeVar("Module", bound=nn.Module)


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


class NonFiniteLossError(RuntimeError):
    """The loss is no longer a number; nothing was learnt from it, and the last checkpoint is from before."""


class Learner(Generic[Module]):
    """A run in a folder; ``COUNTS`` are the numbers that its checkpoint holds beside the weights."""

    COUNTS: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(self, model: Module, optimiser: torch.optim.Optimizer, average: float, folder: Path) -> None:
        self.model = model
        self.optimiser = optimiser
        self.average = WeightAverage(model, average)
        self.folder = folder
        self.step = 0

    def resume(self) -> None:
        """Go on from the folder's checkpoint; what was logged after it will happen again, and is forgotten.

        Raises ``FileNotFoundError``, and ``ValueError`` for a file that is no checkpoint of this model.
        """
        path = self.folder / CHECKPOINT
        state = load_checkpoint(path)
        try:
            for name in ("model", "optimiser", "average"):
                getattr(self, name).load_state_dict(state[name])
            for name in self.COUNTS:
                setattr(self, name, state[name])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # what PyTorch raises for another's state
            reason = " ".join(str(error).split())
            raise ValueError(f"{path} is a checkpoint of another model or class list: {reason}") from error
        forget_after(self.folder, self.step)

    def save(self) -> None:
        """Write the checkpoint."""
        state: dict[str, Any] = {name: getattr(self, name) for name in self.COUNTS}
        state |= {name: getattr(self, name).state_dict() for name in ("model", "optimiser", "average")}
        save_checkpoint(self.folder / CHECKPOINT, state)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """While this lasts the model has its averaged weights: those are judged and kept."""
        self.average.swap(self.model)
        try:
            yield
        finally:
            self.average.swap(self.model)

    def learn(self, loss: Tensor) -> None:
        """One step down a loss, which raises :class:`NonFiniteLossError` where it is no number."""
        if not torch.isfinite(loss):
            raise NonFiniteLossError(
                f"the loss became {loss.item()} at step {self.step}: lower training.learning_rate and begin anew"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update(self.model)
