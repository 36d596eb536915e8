"""What a network's map shows in regions and around them: RoI pooling, as Fast R-CNN has it (section 2.1)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torchvision.ops import roi_align


def pool_around(feature_map: Tensor, boxes: Tensor, surroundings: float, cells: int, stride: int) -> Tensor:
    """A map (1, C, h, w) of this stride and boxes (R, 4) in pixels of its image -> (R, C * cells^2).

    The pooled window is ``surroundings`` times as wide and as high as the box.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * surroundings
    windows = torch.cat([centre - half, centre + half], dim=1)
    pooled = roi_align(feature_map, [windows], cells, 1 / stride, sampling_ratio=1, aligned=True)
    return cast(Tensor, pooled.flatten(1))
