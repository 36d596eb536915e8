"""Dropout whose mask is that of a whole batch, of which a process or a step of accumulation sees a part."""

from __future__ import annotations

from torch import Tensor, nn


class BatchDropout(nn.Dropout):
    """Drops what it would drop of these rows if all rows of their batch were there; in training only.

    From the same random state every part draws the mask of all ``total`` rows and takes its own.
    """

    first = 0
    total: int | None = None

    def place(self, first: int, total: int) -> None:
        """Say that the next rows are those from ``first`` on of a batch of ``total``."""
        self.first, self.total = first, total

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # as nn.Dropout names it
        """(N, C) -> (N, C)."""
        if not self.training:
            return input
        mask = super().forward(input.new_ones(self.total or len(input), input.shape[1]))
        return input * mask[self.first : self.first + len(input)]
