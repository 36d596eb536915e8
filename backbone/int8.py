"""Weights in a byte each: whole numbers from -127 to 127, and one scale for each output channel."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 127
SCALE = ":scale"  # after a tensor's name: its scales, beside it in a file


def to_int8(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (C, ...) -> int8 of that shape and scales (C,) in float32; symmetric, so that 0 stays 0.

    A weight moves by half a scale at most: 1/254 of the largest one of its channel.
    """
    weights = weights.detach().float()
    scale = weights.flatten(1).abs().amax(dim=1) / MOST  # (C,)
    numbers = torch.round(weights / _beside(torch.where(scale > 0, scale, 1.0), weights))
    return numbers.clamp(-MOST, MOST).to(torch.int8), scale


def from_int8(numbers: Tensor, scale: Tensor) -> Tensor:
    """What :func:`to_int8` was given, but for the rounding; float32."""
    return numbers.float() * _beside(scale, numbers)


def _beside(scale: Tensor, weights: Tensor) -> Tensor:
    """Scales (C,) as (C, 1, ...), with as many dimensions as the weights have."""
    return scale.view(-1, *[1] * (weights.ndim - 1))
