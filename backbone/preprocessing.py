"""What a network expects of its input: a property of the weights, which travels with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Literal

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """``(pixel - mean) / scale`` for pixels 0..255, channels in ``channel_order``.

    ``mean`` and ``scale`` hold one number a channel, in ``channel_order``; ``input_size`` is the side of the crop.
    """

    channel_order: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    input_size: int = 224

    def __post_init__(self) -> None:
        if self.channel_order not in ("rgb", "bgr"):
            raise ValueError(f"preprocessing channel_order: expected 'rgb' or 'bgr', got {self.channel_order!r}")
        for name in ("mean", "scale"):
            values = getattr(self, name)
            if isinstance(values, (np.ndarray, Tensor)):
                values = values.tolist()
            if not isinstance(values, (tuple, list)) or len(values) != 3 or not all(_is_finite(v) for v in values):
                raise ValueError(f"preprocessing {name}: expected 3 numbers, one a channel, got {values!r}")
            object.__setattr__(self, name, tuple(float(value) for value in values))
        if min(self.scale) <= 0:
            raise ValueError(f"preprocessing scale: expected positive numbers, got {self.scale}")
        if not _is_whole(self.input_size) or self.input_size < 32:
            raise ValueError(
                f"preprocessing input_size: expected a whole number of at least 32, got {self.input_size!r}"
            )
        object.__setattr__(self, "input_size", int(self.input_size))

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Preprocessing:
        """The preprocessing that :meth:`to_dict` wrote; every field must be there and no other."""
        known = [field.name for field in fields(cls)]
        if set(values) != set(known):
            raise ValueError(f"preprocessing: expected the fields {', '.join(known)}, got {', '.join(sorted(values))}")
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks every value

    def to_dict(self) -> dict[str, object]:
        return asdict(self)

    def normalise(self, crops: Tensor) -> Tensor:
        """RGB crops (N, 3, H, W) with pixels 0..255 -> what the network takes, same device; uint8 becomes float32."""
        if crops.ndim != 4 or crops.shape[1] != 3:
            raise ValueError(f"expected RGB crops of shape (N, 3, H, W), got {tuple(crops.shape)}")
        if not crops.is_floating_point():
            crops = crops.float()
        if self.channel_order == "bgr":
            crops = crops.flip(1)
        mean, scale = (
            torch.stack([crops.new_full((1, 1), value) for value in values])  # made there: nothing crosses to a GPU
            for values in (self.mean, self.scale)
        )
        return (crops - mean) / scale


def _is_finite(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def _is_whole(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral)
