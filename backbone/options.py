"""Which GoogLeNet: the paper's network, and every deviation from it, as named choices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args, get_type_hints

import numpy as np

JSONValue = str | int | float | bool


@dataclass(frozen=True)
class GoogLeNetOptions:
    """The defaults are the paper's network as public weights have it.

    ``num_classes`` 0 builds no linear layer. ``stem`` "separable" explains the first row of Table 1 (2.7K weights, 34M
    multiply-adds). ``inception`` "naive" is Figure 2a. ``third_branch_kernel`` 3 and ``last_pool_kernel`` 2 are what
    torchvision has. ``width`` multiplies every channel count (section 7 used one wider network; tests use narrow ones).
    """

    num_classes: int = 1000
    stem: Literal["plain", "separable"] = "plain"
    inception: Literal["reduced", "naive"] = "reduced"
    normalisation: Literal["lrn", "batch_norm", "none"] = "lrn"
    third_branch_kernel: Literal[5, 3] = 5
    last_pool_kernel: Literal[3, 2] = 3
    auxiliary: bool = False
    dropout: float = 0.4
    width: float = 1.0

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, np.generic):  # a number out of an array
                value = value.item()
                object.__setattr__(self, name, value)
            choices = get_args(hint)
            if choices and not any(value == choice and type(value) is type(choice) for choice in choices):
                raise ValueError(f"GoogLeNet option {name}: {value!r} is not one of {', '.join(map(repr, choices))}")
            accepted = (int, float) if hint is float else hint
            if not choices and (not isinstance(value, accepted) or (hint is not bool and isinstance(value, bool))):
                raise ValueError(f"GoogLeNet option {name}: expected {hint.__name__}, got {value!r}")
        if self.num_classes < 0:
            raise ValueError(
                f"GoogLeNet option num_classes: expected 0 (no linear layer) or more, got {self.num_classes}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"GoogLeNet option dropout: expected a share in [0, 1), got {self.dropout}")
        if not 0 < self.width < math.inf:
            raise ValueError(f"GoogLeNet option width: expected a positive multiplier, got {self.width}")
        if self.auxiliary and not self.num_classes:
            raise ValueError("GoogLeNet option auxiliary: auxiliary heads need num_classes of at least 1, got 0")

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> GoogLeNetOptions:
        """The options that :meth:`to_dict` wrote; an unknown name is refused, a missing one has its default."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(
                f"unknown GoogLeNet option {', '.join(map(repr, unknown))}; the options are {', '.join(known)}"
            )
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks every value

    def to_dict(self) -> dict[str, JSONValue]:
        return asdict(self)

    def channels(self, count: int) -> int:
        """A channel count of Table 1 in a network of this width."""
        return max(1, round(count * self.width))
