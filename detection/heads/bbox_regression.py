"""R-CNN's box regression: ridge regression a class, on a network that is finished (R-CNN, appendix C)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, CELLS = 64, 3


class RidgeBoxes(nn.Module):
    """Class-specific box offsets, linear in what a region's last feature map shows where.

    R-CNN regresses from its pool5 of 9216 numbers. Here the map's principal components (``project``), each in
    ``cells`` x ``cells`` places, describe the region in 576 numbers: a matrix of 577 x 577 a class is all that fitting
    has to keep. ``scale`` brings descriptions to the norm that the ridge was fitted at.
    """

    scale: Tensor

    def __init__(self, num_classes: int, channels: int = 1024, width: int = WIDTH, cells: int = CELLS) -> None:
        super().__init__()
        self.cells = cells
        width = min(width, channels)  # there are no more components
        self.project = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.linear = nn.Linear(width * cells * cells, 4 * num_classes)
        self.register_buffer("scale", torch.ones(()))

    def describe(self, feature_map: Tensor) -> Tensor:
        """(N, C, 7, 7) -> (N, width x cells x cells)."""
        x = self.project(F.adaptive_avg_pool2d(feature_map, self.cells))  # (N, 64, 3, 3)
        return cast(Tensor, x.flatten(1) * self.scale)

    def forward(self, feature_map: Tensor) -> Tensor:
        """(N, C, 7, 7) -> (N, K, 4), as :func:`detection.heads.box_coding.decode_boxes` takes them."""
        return cast(Tensor, self.linear(self.describe(feature_map)).unflatten(1, (-1, 4)))
