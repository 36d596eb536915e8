"""What a network's map shows in regions and around them: RoI pooling, as Fast R-CNN has it (section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
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
    if feature_map.is_cuda and torch.are_deterministic_algorithms_enabled():
        with torch.compiler.set_stance("force_eager"):  # compiled, its bits would depend on the shapes seen before
            pooled = roi_align(feature_map, [windows], cells, 1 / stride, sampling_ratio=1, aligned=True)
        pooled = pooled * on_the_map(windows, cells, stride, feature_map.shape[2:])[:, None]
    else:
        pooled = roi_align(feature_map, [windows], cells, 1 / stride, sampling_ratio=1, aligned=True)
    return cast(Tensor, pooled.flatten(1))


def on_the_map(windows: Tensor, cells: int, stride: int, size: Sequence[int]) -> Tensor:
    """Which cells of windows (R, 4) have their centre on a map of ``size`` (height, width): (R, cells, cells).

    RoI pooling is 0 elsewhere. The deterministic form that torchvision takes on a GPU repeats the map's edge instead: a
    head would be trained on other features than it is run with.
    """
    steps = (torch.arange(cells, device=windows.device, dtype=windows.dtype) + 0.5) / cells
    corner, extent = windows[:, None, :2], windows[:, None, 2:] - windows[:, None, :2]
    x, y = ((corner + steps[:, None] * extent) / stride - 0.5).unbind(dim=2)  # (R, cells)
    height, width = size
    return ((y >= -1) & (y <= height))[:, :, None] & ((x >= -1) & (x <= width))[:, None, :]
