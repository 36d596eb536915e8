"""The building blocks of GoogLeNet: convolution with ReLU, pooling, and the two Inception modules of Figure 2."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH_NORM_EPSILON = 1e-3


class Convolution(nn.Conv2d):
    """Convolution that keeps the size (over the stride), batch norm where asked for, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, batch_norm: bool = False) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=not batch_norm)
        self.norm = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPSILON) if batch_norm else nn.Identity()

    def reset_parameters(self) -> None:
        initialise(self.weight, self.bias, bias_value=0.2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(super().forward(x)), inplace=True)


class SeparableConvolution(nn.Module):
    """A 7x7/2 depthwise convolution with 8 filters a colour, then 1x1: the 2,712 weights behind Table 1's first row."""

    def __init__(self, inputs: int, outputs: int, *, batch_norm: bool = False) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, 8 * inputs, 7, stride=2, padding=3, groups=inputs, bias=False)
        self.pointwise = Convolution(8 * inputs, outputs, 1, batch_norm=batch_norm)
        initialise(self.depthwise.weight, None)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pointwise(self.depthwise(x))
        return out


class Inception(nn.Module):
    """Inception with dimension reductions (Figure 2b); ``row`` is the block's row of Table 1."""

    def __init__(self, inputs: int, row: tuple[int, ...], *, third_kernel: int, batch_norm: bool) -> None:
        super().__init__()
        one, three_reduce, three, five_reduce, five, projection = row
        self.conv_1x1 = Convolution(inputs, one, 1, batch_norm=batch_norm)
        self.conv_3x3_reduce = Convolution(inputs, three_reduce, 1, batch_norm=batch_norm)
        self.conv_3x3 = Convolution(three_reduce, three, 3, batch_norm=batch_norm)
        self.conv_5x5_reduce = Convolution(inputs, five_reduce, 1, batch_norm=batch_norm)
        self.conv_5x5 = Convolution(five_reduce, five, third_kernel, batch_norm=batch_norm)
        self.pool_projection = Convolution(inputs, projection, 1, batch_norm=batch_norm)
        self.out_channels = one + three + five + projection

    def forward(self, x: Tensor) -> Tensor:
        branches = (
            self.conv_1x1(x),
            self.conv_3x3(self.conv_3x3_reduce(x)),
            self.conv_5x5(self.conv_5x5_reduce(x)),
            self.pool_projection(F.max_pool2d(x, 3, stride=1, padding=1)),
        )
        return torch.cat(branches, dim=1)


class NaiveInception(nn.Module):
    """Inception, naive version (Figure 2a): no reductions, the pooled input passes whole, so the channels pile up."""

    def __init__(self, inputs: int, row: tuple[int, ...], *, third_kernel: int, batch_norm: bool) -> None:
        super().__init__()
        one, _, three, _, five, _ = row
        self.conv_1x1 = Convolution(inputs, one, 1, batch_norm=batch_norm)
        self.conv_3x3 = Convolution(inputs, three, 3, batch_norm=batch_norm)
        self.conv_5x5 = Convolution(inputs, five, third_kernel, batch_norm=batch_norm)
        self.out_channels = one + three + five + inputs

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.max_pool2d(x, 3, stride=1, padding=1)
        return torch.cat((self.conv_1x1(x), self.conv_3x3(x), self.conv_5x5(x), pooled), dim=1)


def halve(x: Tensor, kernel: int = 3) -> Tensor:
    """Max pooling with stride 2 that rounds the size up, as Caffe does and as Table 1's 56, 28, 14, 7 need."""
    return F.max_pool2d(x, kernel, stride=2, ceil_mode=True)


def initialise(weight: Tensor, bias: Tensor | None, bias_value: float = 0.0) -> None:
    """Caffe's "xavier": uniform, with the variance of one over the inputs; its GoogLeNet has biases of 0.2."""
    bound = (3 / weight[0].numel()) ** 0.5
    nn.init.uniform_(weight, -bound, bound)
    if bias is not None:
        nn.init.constant_(bias, bias_value)
