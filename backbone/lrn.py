"""Local response normalisation across channels with Caffe's values, quick on a CPU and exact in every precision.

``y = x / d ** 0.75`` with ``d = 1 + 1e-4 / 5 * (sum of squares over 5 neighbouring channels)``.
``torch.nn.functional.local_response_norm`` computes the same, but on a CPU it takes eight times as long and knows no
bfloat16.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE, ALPHA, BETA, K = 5, 1e-4, 0.75, 1.0  # BVLC/caffe: models/bvlc_googlenet/train_val.prototxt
REACH = SIZE // 2
CACHED_ELEMENTS = 1 << 18  # a thread's share of one step: its temporaries (1 MiB each in float32) stay in the cache
GPU_ELEMENTS = 1 << 25  # of one step: its temporaries are 128 MiB each, where all of a batch's were gigabytes


torch.fx.wrap("local_response_norm")  # one step for who traces a network


class LocalResponseNorm(nn.Module):
    """(N, C, H, W) -> the same shape, precision and layout."""

    def forward(self, x: Tensor) -> Tensor:
        return local_response_norm(x)


def local_response_norm(x: Tensor) -> Tensor:
    """(N, C, H, W) -> the same shape, precision and layout; squares are summed in float32 (or float64)."""
    if x.ndim != 4:
        raise ValueError(f"local response normalisation: expected (N, C, H, W), got shape {tuple(x.shape)}")
    if is_followed():
        return _by_definition(x)
    out: Tensor = _LocalResponseNorm.apply(x.contiguous(memory_format=_memory_format(x)))
    return out


def is_followed() -> bool:
    """Whether somebody needs plain operations: a compiler, an exporter, or a transform such as ``torch.func.grad``."""
    return torch.compiler.is_compiling() or torch._C._is_tracing() or torch._C._are_functorch_transforms_active()


def _by_definition(x: Tensor) -> Tensor:
    """In few plain operations, which a compiler fuses, an exporter can write down, and all can differentiate."""
    wide = _wide(x)
    squares = F.pad(wide.square(), (0, 0, 0, 0, REACH, REACH))
    total = reduce(torch.add, (squares[:, shift : shift + x.shape[1]] for shift in range(SIZE)))
    return (wide * (total * (ALPHA / SIZE) + K).pow(-BETA)).to(x.dtype)


class _LocalResponseNorm(torch.autograd.Function):
    """Both directions in steps that fit the cache; only the input is kept for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        out = torch.empty_like(x)
        for part, y in zip(_parts(x), _parts(out), strict=True):
            wide = _wide(part)
            y.copy_(_scale(_denominator(wide)).mul_(wide))
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        again = torch.is_grad_enabled()  # create_graph: the gradient will be differentiated itself
        if again or torch._C._functorch.is_legacy_batchedtensor(gradient):
            with torch.enable_grad():
                y = _by_definition(x)
            slow: Tensor = torch.autograd.grad(y, x, gradient, create_graph=again)[0]
            return slow
        out = torch.empty_like(x)
        gradient = gradient.contiguous(memory_format=_memory_format(x))
        for part, upstream, downstream in zip(_parts(x), _parts(gradient), _parts(out), strict=True):
            wide, grad = _wide(part), _wide(upstream)
            denominator = _denominator(wide)
            scaled = _scale(denominator).mul_(grad)
            # dx_i = g_i d_i^-b - 2 a b x_i * sum over the window of g_j x_j d_j^(-b-1);  a = alpha / size, b = beta
            products = _padded(wide, 0)
            torch.mul(scaled, wide, out=_inside(products)).div_(denominator)
            shared = _window_sum(products).mul_(wide)
            downstream.copy_(scaled.sub_(shared, alpha=2 * BETA * ALPHA / SIZE))
        return out


def _denominator(x: Tensor) -> Tensor:
    """``d`` for (M, C) or (M, C, P); K is dealt out to the window's five squares, so that the border needs no care."""
    share = torch.full((), K / SIZE, dtype=x.dtype, device=x.device)
    padded = _padded(x, K / SIZE)
    torch.addcmul(share, x, x, value=ALPHA / SIZE, out=_inside(padded))
    return _window_sum(padded)


def _padded(x: Tensor, border: float) -> Tensor:
    """Room for ``x`` with two more channels, holding ``border``, on either side."""
    padded = x.new_empty((x.shape[0], x.shape[1] + 2 * REACH, *x.shape[2:]))
    padded[:, :REACH] = border
    padded[:, -REACH:] = border
    return padded


def _inside(padded: Tensor) -> Tensor:
    return padded[:, REACH:-REACH]


def _window_sum(padded: Tensor) -> Tensor:
    """The sums over 5 neighbouring channels, in three additions."""
    pairs = padded[:, :-1] + padded[:, 1:]
    return (pairs[:, :-3] + pairs[:, 2:-1]).add_(padded[:, 4:])


def _scale(denominator: Tensor) -> Tensor:
    """``d ** -0.75`` as ``d ** 0.25 / d``: two reciprocal square roots and a division take half the time of a power."""
    return denominator.rsqrt().rsqrt_().div_(denominator)


def _parts(x: Tensor) -> tuple[Tensor, ...]:
    """Views of a dense ``x``, channels at dimension 1: on a CPU they fit its cache, on a GPU they spare its memory."""
    last = _memory_format(x) == torch.channels_last
    x = x.permute(0, 2, 3, 1).flatten(0, 2) if last else x.flatten(2)  # (N * H * W, C) or (N, C, H * W)
    if not x.numel():
        return (x,)
    step = CACHED_ELEMENTS * torch.get_num_threads() if x.device.type == "cpu" else GPU_ELEMENTS
    return tuple(x.split(max(1, step * len(x) // x.numel())))


def _memory_format(x: Tensor) -> torch.memory_format:
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last and not x.is_contiguous() else torch.contiguous_format


def _wide(x: Tensor) -> Tensor:
    """Half precisions neither hold the squares (float16) nor add them well (bfloat16)."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
