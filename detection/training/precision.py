"""In which precision the convolutions of a training step are computed; weights and gradients stay float32."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bf16", "fp16"]
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_dtype(precision: Precision, device: torch.device, fastest: torch.dtype) -> torch.dtype:
    """What ``precision`` means on a device, of which "auto" takes the ``fastest``.

    Raises ``ValueError`` for fp16 on a CPU, which computes it slower than float32.
    """
    if precision == "fp16" and device.type != "cuda":
        raise ValueError(
            f"training.precision: fp16 is for CUDA devices, and this run is on {device.type}: choose auto, bf16 or "
            "float32"
        )
    return fastest if precision == "auto" else DTYPES[precision]
