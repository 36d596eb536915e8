"""The quickest form of a trained network that still gives its numbers, for running and not for training or saving."""

from __future__ import annotations

import copy

import torch
from torch import nn

from backbone.googlenet import GoogLeNet
from backbone.layers import Convolution


def prepare_for_inference(
    network: GoogLeNet, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> GoogLeNet:
    """A copy of ``network`` on ``device``, in evaluation mode, for running only; the original stays as it is.

    Auxiliary heads are dropped, batch norm is folded into the convolutions, and the weights lie channels last, in
    ``dtype`` (default: :func:`fastest_dtype`). The linear layer stays float32: half precision saves nothing there, and
    rounds logits so much that close scores tie.
    """
    device = torch.device(device)
    network = copy.deepcopy(network).eval().requires_grad_(False)
    network.auxiliaries.clear()
    for module in list(network.modules()):
        if isinstance(module, Convolution):
            _fold_batch_norm(module)
    network.to(device=device, dtype=dtype or fastest_dtype(device))
    network.to(memory_format=torch.channels_last)
    if network.linear is not None:
        network.linear.float()
    return network


def fastest_dtype(device: torch.device | str) -> torch.dtype:
    """The precision that the device multiplies quickest without losing accuracy: bfloat16 where it is native."""
    device = torch.device(device)
    kind = device.type
    if kind == "cuda":
        with torch.cuda.device(device):  # of several, which may differ
            return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if kind == "cpu":
        capabilities = torch.cpu.get_capabilities()
        native = any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
        return torch.bfloat16 if native else torch.float32
    return torch.float32


def _fold_batch_norm(convolution: Convolution) -> None:
    norm = convolution.norm
    if not isinstance(norm, nn.BatchNorm2d):
        return
    assert norm.running_mean is not None
    assert norm.running_var is not None
    convolution.weight, convolution.bias = nn.utils.fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    convolution.norm = nn.Identity()
