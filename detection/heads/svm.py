"""R-CNN's scores: a linear SVM a class (R-CNN, section 2.3)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class SvmScorer(nn.Module):
    """Linear SVMs on a region's pooled features, one a class against all else.

    R-CNN ranks by the margins themselves, -1 and 1 at the edges. Here a sigmoid of each class's own makes scores of
    0..1 of them (Platt, 1999): it leaves the order of a class's regions as it is, and gives thresholds, votes and the
    mean of several networks their meaning. ``scale`` brings features to the norm that the SVMs were fitted at.
    """

    scale: Tensor
    slope: Tensor
    shift: Tensor

    def __init__(self, num_classes: int, channels: int = 1024) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, num_classes)
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("slope", torch.ones(num_classes))
        self.register_buffer("shift", torch.zeros(num_classes))

    def margins(self, features: Tensor) -> Tensor:
        """(N, C) -> (N, K)."""
        return cast(Tensor, self.linear(features * self.scale))

    def forward(self, features: Tensor) -> Tensor:
        """(N, C) -> scores (N, K)."""
        return torch.sigmoid(self.margins(features) * self.slope + self.shift)
