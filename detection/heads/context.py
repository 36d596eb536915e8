"""A contextual model (paper, Table 5): what the whole photo shows has a say in what its regions show."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class PhotoContext(nn.Module):
    """How much a photo speaks for each class: logistic regression on the features of the photo as one region.

    ``scale`` is what features were scaled by in fitting.
    """

    scale: Tensor

    def __init__(self, num_classes: int, channels: int = 1024) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, num_classes)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C) of whole photos -> evidence (N, K): the log odds of each class, less those in any photo."""
        return cast(Tensor, self.linear(features * self.scale))


def with_evidence(scores: Tensor, evidence: Tensor) -> Tensor:
    """Scores (R, K) whose log odds are moved by ``evidence`` (K,): as Bayes would, were the two independent."""
    odds = scores * torch.exp(evidence)
    return odds / (odds + 1 - scores)
