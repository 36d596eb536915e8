"""When to stop: the best validation so far, and how long there has been no better one."""

from __future__ import annotations


class Validations:
    """The validations of a run; ``best`` is the highest score, ``without_gain`` counts those since it rose.

    ``step`` is where the last one was made: a run that was killed during a validation makes it again.
    """

    def __init__(self, patience: int | None = None) -> None:
        self.patience = patience
        self.best = 0.0
        self.without_gain = 0
        self.step = 0

    def add(self, step: int, score: float) -> bool:
        """Take note of a score; whether the model is to be kept, of equally good ones the last."""
        self.step = step
        self.without_gain = 0 if score > self.best else self.without_gain + 1
        keep = score >= self.best
        self.best = max(self.best, score)
        return keep

    @property
    def exhausted(self) -> bool:
        """Whether so many brought no gain that training is over."""
        return self.patience is not None and self.without_gain >= self.patience

    def state_dict(self) -> dict[str, float | int]:
        return {"best": self.best, "without_gain": self.without_gain, "step": self.step}

    def load_state_dict(self, state: dict[str, float | int]) -> None:
        self.best, self.without_gain, self.step = float(state["best"]), int(state["without_gain"]), int(state["step"])
