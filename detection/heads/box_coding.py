"""How a box is expressed relative to a region (R-CNN, appendix C)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from detection.runtime import constants

# Fast R-CNN's defaults: the spread of the four offsets over training pairs, so that each target has variance near 1.
TARGET_SCALE = (0.1, 0.1, 0.2, 0.2)
# A side may grow or shrink at most this much; without a bound exp() turns one wild prediction into infinity.
MAX_LOG_SCALE = math.log(4.0)


def encode_boxes(boxes: Tensor, regions: Tensor) -> Tensor:
    """The offsets (N, 4) that move ``regions`` onto ``boxes``, both (N, 4): the centre first, then log of the scale."""
    centre, side = _centre_and_side(boxes)
    region_centre, region_side = _centre_and_side(regions)
    shift = (centre - region_centre) / region_side
    scale = torch.log(side / region_side)
    return torch.cat([shift, scale], dim=1) / constants(TARGET_SCALE, boxes)


def decode_boxes(offsets: Tensor, regions: Tensor) -> Tensor:
    """Boxes (N, K, 4) from offsets (N, K, 4) and regions (N, 4); the inverse of :func:`encode_boxes`."""
    centre, side = _centre_and_side(regions)
    offsets = offsets * constants(TARGET_SCALE, offsets)
    new_centre = centre[:, None] + offsets[..., :2] * side[:, None]
    new_side = side[:, None] * torch.exp(offsets[..., 2:].clamp(-MAX_LOG_SCALE, MAX_LOG_SCALE))
    return torch.cat([new_centre - new_side / 2, new_centre + new_side / 2], dim=-1)


def _centre_and_side(boxes: Tensor) -> tuple[Tensor, Tensor]:
    side = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-3)
    return boxes[:, :2] + side / 2, side
