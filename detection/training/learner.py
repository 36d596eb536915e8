"""What every training run is: a module that is taught step by step, in a folder, so that it can stop at any moment."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from detection.training.averaging import WeightAverage
from detection.training.checkpoint import load_checkpoint, save_checkpoint
from detection.training.distributed import ALONE, Processes
from detection.training.metrics import METRICS, cut_log, log_line, log_size
from detection.training.replay import TRACE, digest
from detection.training.schedule import Schedule

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHECKPOINT = "checkpoint.pt"
SEED_STRIDE = 1_000_003  # between the seeds of runs: their steps do not share random numbers
Module = TypeVar("Module", bound=nn.Module)
Lesson = TypeVar("Lesson")  # what a step is taught from
Progress = TypeVar("Progress", bound="DataclassInstance")  # a line of metrics.jsonl


@dataclass(frozen=True)
class Place:
    """Where a run happens: its folder, the processes that share the work, the precision of the convolutions."""

    folder: Path
    processes: Processes = ALONE
    dtype: torch.dtype = torch.float32


class Part(NamedTuple):
    """What a part of a batch says: a ``loss`` to go down, and ``values`` (V,) for the log.

    Both are shares: summed over the parts and processes they are the means of the whole batch.
    """

    loss: Tensor
    values: Tensor


class Stateful(Protocol):
    """What changes while a run goes on, and is kept in its checkpoint."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> object: ...


LEAST_SCALE = 2.0**-14  # of fp16's gradients: halved so often, none was finite for long


class NonFiniteLossError(RuntimeError):
    """A loss or a gradient is no longer a number; nothing was learnt from it."""


class Learner(ABC, Generic[Module, Lesson, Progress]):
    """A run in a folder, which :meth:`run` moves on step by step.

    What a step sees depends on the seed and the step alone, and everything else is in the checkpoint; so a run that was
    killed ends with the bits of one that was not. ``parts`` are what the checkpoint holds beside the counts; more may
    be added before :meth:`resume`.
    """

    VALUES: int  # how many numbers a step says

    def __init__(self, model: Module, optimiser: torch.optim.Optimizer, schedule: Schedule, place: Place) -> None:
        self.model = model
        self.optimiser = optimiser
        self.schedule = schedule
        self.folder = place.folder
        self.processes = place.processes
        self.dtype = place.dtype
        self.device = next(model.parameters()).device
        self.average = WeightAverage(model, schedule.average)
        half = place.dtype == torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)
        self.parts: dict[str, Stateful] = {
            "model": model,
            "optimiser": optimiser,
            "average": self.average,
            "scaler": self.scaler,
        }
        self.step = 0
        self.seen = 0  # crops or photos
        self.recent = torch.zeros(1 + self.VALUES)  # of the steps since the last line: how many, and the sums

    @abstractmethod
    def lessons(self, start: int, stop: int) -> Iterator[Lesson]:
        """This process's share of the batches of steps ``start`` to ``stop`` (exclusive)."""

    @abstractmethod
    def size(self, lesson: Lesson) -> int:
        """Of how many crops or photos the whole batch is."""

    @abstractmethod
    def learn(self, lesson: Lesson) -> Iterator[Part]:
        """The parts of a lesson, each computed when it is asked for."""

    @abstractmethod
    def line(self, values: list[float], rate: float, speed: float) -> Progress:
        """A line of metrics.jsonl: means since the last line, the learning rate, crops or photos a second."""

    @abstractmethod
    def evidence(self, lesson: Lesson) -> dict[str, Any]:
        """A lesson as tensors and plain values, to be looked at."""

    def run(self, stop: int, report: Callable[[Progress], None]) -> None:
        """Train up to (not including) step ``stop``."""
        self.model.train()
        seen, started = self.seen, time.monotonic()
        for lesson in self.lessons(self.step, stop):
            loss, values = self._step(lesson)
            self.step += 1
            self.seen += self.size(lesson)
            self.recent += torch.cat([torch.ones(1), values])
            due = self.step % self.schedule.checkpoint_every == 0 or self.step == stop
            self._trace(loss, whole=due)
            if self.step % self.schedule.log_every == 0 or self.step == stop:
                speed = (self.seen - seen) / (time.monotonic() - started)
                self._tell(speed, report)
                seen, started = self.seen, time.monotonic()
            if due:
                self.save()

    def _step(self, lesson: Lesson) -> tuple[float, Tensor]:
        """Learn from a batch; its loss and its values (V,)."""
        rate = self.schedule.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("times", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        statistics = self._statistics()
        before = [one.clone() for one in statistics]
        said = torch.zeros(1 + self.VALUES, device=self.device)
        for part in self.learn(lesson):
            self.scaler.scale(part.loss).backward()
            said += torch.cat([part.loss.detach()[None], part.values.detach()])
        gradients = self._gradients()
        for one in statistics:
            one.div_(self.processes.count)
        self.processes.add([*gradients, *statistics, said])
        norm = torch.nn.utils.get_total_norm(gradients) if not self.scaler.is_enabled() else said[0]  # it looks itself
        said, norm = torch.cat([said, norm[None]]).cpu().split([len(said), 1])  # the one wait for a GPU
        if not (torch.isfinite(said).all() and torch.isfinite(norm)):
            for one, kept in zip(statistics, before, strict=True):
                one.copy_(kept)
            self._refuse(lesson, said[0].item())
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.scaler.is_enabled() and self.scaler.get_scale() < LEAST_SCALE:
            self._refuse(lesson, said[0].item())
        self.average.update(self.model)
        return said[0].item(), said[1:]

    def _gradients(self) -> list[Tensor]:
        """The gradients of all that is learnt; zeros where this share of a batch did not reach."""
        learnt = [weight for group in self.optimiser.param_groups for weight in group["params"]]
        for weight in learnt:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        return [weight.grad for weight in learnt]

    def _statistics(self) -> list[Tensor]:
        """The running means and variances of batch norm: of a process's own share, until they are averaged.

        Those of frozen stages are alike, and a mean over three processes would round them.
        """
        norms = [one for one in self.model.modules() if isinstance(one, nn.BatchNorm2d) and one.training]
        return [one for norm in norms for one in (norm.running_mean, norm.running_var) if one is not None]

    def _refuse(self, lesson: Lesson, loss: float) -> None:
        path = self.folder / f"not_finite.{self.processes.rank}.pt"
        save_checkpoint(path, {"step": self.step, "loss": loss, **self.evidence(lesson)})
        self.processes.wait()
        what = "a gradient is not finite" if math.isfinite(loss) else f"the loss became {loss}"
        raise NonFiniteLossError(
            f"{what} at step {self.step}: lower training.learning_rate and begin anew; the batch is kept in {path}"
        )

    def _tell(self, speed: float, report: Callable[[Progress], None]) -> None:
        means = (self.recent[1:] / self.recent[0]).tolist()
        line = self.line(means, self.schedule.rate(self.step - 1), speed)
        self.log(asdict(line))
        if self.processes.first:
            report(line)
        self.recent.zero_()

    def _trace(self, loss: float, *, whole: bool) -> None:
        """Note a step's loss with all its bits and, at a checkpoint, what the weights are."""
        if not self.processes.first:
            return
        weights = {"weights": digest([self.model.state_dict(), self.average.weights])} if whole else {}
        log_line(self.folder / TRACE, {"step": self.step, "loss": loss.hex(), **weights})

    def log(self, values: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        if self.processes.first:
            log_line(self.folder / METRICS, values)

    def resume(self) -> None:
        """Go on from the folder's checkpoint, or from the beginning; what was logged since then is forgotten.

        Raises ``ValueError`` for a file that is no checkpoint of this model.
        """
        path = self.folder / CHECKPOINT
        logs = {METRICS: 0, TRACE: 0}
        if path.exists():
            state = load_checkpoint(path)
            try:
                for name, part in self.parts.items():
                    if state[name]:  # not of a scaler that was off, where the run goes on in another precision
                        part.load_state_dict(state[name])
                self.step, self.seen, self.recent = int(state["step"]), int(state["seen"]), state["recent"]
                logs = state["logs"]
            except (KeyError, TypeError, ValueError, RuntimeError) as error:  # what PyTorch raises for another's state
                reason = " ".join(str(error).split())
                raise ValueError(f"{path} is a checkpoint of another model, class list or version: {reason}") from error
        if self.processes.first:
            for name, size in logs.items():
                cut_log(self.folder / name, size)

    def save(self) -> None:
        """Write the checkpoint."""
        if not self.processes.first:
            return
        state: dict[str, Any] = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"step": self.step, "seen": self.seen, "recent": self.recent}
        state["logs"] = {name: log_size(self.folder / name) for name in (METRICS, TRACE)}
        save_checkpoint(self.folder / CHECKPOINT, state)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """While this lasts the model has its averaged weights: those are judged and kept."""
        self.average.swap(self.model)
        try:
            yield
        finally:
            self.average.swap(self.model)
