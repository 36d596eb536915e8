"""GoogLeNet as published: Table 1 of "Going Deeper with Convolutions" (arXiv 1409.4842) as data, and its network.

What the paper leaves open, or what public weights do otherwise, is a named field of :class:`GoogLeNetOptions`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbone.layers import Convolution, Inception, NaiveInception, SeparableConvolution, halve, initialise
from backbone.lrn import LocalResponseNorm, is_followed
from backbone.options import GoogLeNetOptions

__all__ = ["AUXILIARY_AFTER", "TABLE_1", "GoogLeNet", "GoogLeNetOptions", "Logits"]

STEM = (64, 64, 192)  # conv1 7x7/2, conv2 3x3 reduce, conv2 3x3
TABLE_1 = {
    # block: (1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj)     output
    "3a": (64, 96, 128, 16, 32, 32),  # 28 x 28 x 256
    "3b": (128, 128, 192, 32, 96, 64),  # 28 x 28 x 480
    "4a": (192, 96, 208, 16, 48, 64),  # 14 x 14 x 512
    "4b": (160, 112, 224, 24, 64, 64),  # 14 x 14 x 512
    "4c": (128, 128, 256, 24, 64, 64),  # 14 x 14 x 512
    "4d": (112, 144, 288, 32, 64, 64),  # 14 x 14 x 528
    "4e": (256, 160, 320, 32, 128, 128),  # 14 x 14 x 832
    "5a": (256, 160, 320, 32, 128, 128),  # 7 x 7 x 832
    "5b": (384, 192, 384, 48, 128, 128),  # 7 x 7 x 1024
}
POOL_BEFORE = ("4a", "5a")
LAST_POOL_BEFORE = "5a"
AUXILIARY_AFTER = ("4a", "4d")
AUXILIARY_MAP, AUXILIARY_CONV, AUXILIARY_HIDDEN, AUXILIARY_DROPOUT = 4, 128, 1024, 0.7  # section 5
CPU_GROUP = 8 * 224 * 224  # pixels: of more, the stem's maps leave a processor's cache, and it takes 1.3 times as long


torch.fx.wrap("average")  # who traces the network, as torchvision's create_feature_extractor, takes them as one step
torch.fx.wrap("_batch")


class Logits(NamedTuple):
    """The outputs of a network with auxiliary heads, each (N, num_classes)."""

    main: Tensor
    after_4a: Tensor
    after_4d: Tensor


class Stem(nn.Module):
    """Everything before 3a: (N, 3, 224, 224) -> (N, 192, 28, 28)."""

    def __init__(self, options: GoogLeNetOptions) -> None:
        super().__init__()
        batch_norm = options.normalisation == "batch_norm"
        conv1, reduce, conv2 = map(options.channels, STEM)
        self.conv1: nn.Module
        if options.stem == "separable":
            self.conv1 = SeparableConvolution(3, conv1, batch_norm=batch_norm)
        else:
            self.conv1 = Convolution(3, conv1, 7, stride=2, batch_norm=batch_norm)
        self.conv2_reduce = Convolution(conv1, reduce, 1, batch_norm=batch_norm)
        self.conv2 = Convolution(reduce, conv2, 3, batch_norm=batch_norm)
        self.lrn = LocalResponseNorm() if options.normalisation == "lrn" else nn.Identity()
        self.out_channels = conv2

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)  # (N, 64, 112, 112)
        x = self.lrn(halve(x))  # (N, 64, 56, 56)
        x = self.conv2(self.conv2_reduce(x))  # (N, 192, 56, 56)
        return halve(self.lrn(x))  # (N, 192, 28, 28)


class AuxiliaryHead(nn.Module):
    """A classifier on the middle of the network, for training only (section 5): (N, C, 14, 14) -> (N, num_classes)."""

    def __init__(self, inputs: int, options: GoogLeNetOptions) -> None:
        super().__init__()
        conv, hidden = options.channels(AUXILIARY_CONV), options.channels(AUXILIARY_HIDDEN)
        self.conv = Convolution(inputs, conv, 1, batch_norm=options.normalisation == "batch_norm")
        self.hidden = nn.Linear(conv * AUXILIARY_MAP**2, hidden)
        self.linear = nn.Linear(hidden, options.num_classes)
        initialise(self.hidden.weight, self.hidden.bias, bias_value=0.2)
        initialise(self.linear.weight, self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 5, stride=3)  # (N, C, 4, 4)
        if x.shape[2:] != (AUXILIARY_MAP, AUXILIARY_MAP):
            raise ValueError(
                f"the auxiliary heads need an input of 224 x 224, which leaves them 4 x 4: got {tuple(x.shape)}"
            )
        x = self.conv(x).flatten(1)  # (N, 2048)
        x = F.dropout(F.relu(self.hidden(x)), AUXILIARY_DROPOUT, self.training)  # (N, 1024)
        out: Tensor = self.linear(x)
        return out


def average(x: Tensor) -> Tensor:
    """Global average pooling, (N, C, H, W) -> (N, C), summed and returned in at least float32."""
    return x.mean(dim=(2, 3), dtype=torch.promote_types(x.dtype, torch.float32))


class GoogLeNet(nn.Module):
    """The network; any input of at least 32 x 32 works, because the last pooling averages whatever map is left."""

    STAGES = ("stem", *TABLE_1)

    def __init__(self, options: GoogLeNetOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or GoogLeNetOptions()
        block = Inception if options.inception == "reduced" else NaiveInception
        self.stem = Stem(options)
        channels = self.stem.out_channels
        self.inceptions = nn.ModuleDict()
        self.auxiliaries = nn.ModuleDict()
        for name, row in TABLE_1.items():
            inception = block(
                channels,
                tuple(map(options.channels, row)),
                third_kernel=options.third_branch_kernel,
                batch_norm=options.normalisation == "batch_norm",
            )
            self.inceptions[name] = inception
            channels = inception.out_channels
            if options.auxiliary and name in AUXILIARY_AFTER:
                self.auxiliaries[name] = AuxiliaryHead(channels, options)
        self.feature_width = channels
        self.dropout = nn.Dropout(options.dropout)
        self.linear = nn.Linear(channels, options.num_classes) if options.num_classes else None
        if self.linear is not None:
            initialise(self.linear.weight, self.linear.bias)

    def stage(self, name: str) -> nn.Module:
        """The layers of a stage; the pooling before it has no weights and is not among them."""
        return self.stem if name == "stem" else self.inceptions[name]

    def forward_stages(self, x: Tensor, first: str = "stem", last: str = "5b") -> Tensor:
        """Run the contiguous stages ``first`` to ``last``, both included; a pooling belongs to the block after it."""
        stages = self._range(first, last)
        x = _batch(x, self.stem.conv2.weight.dtype if first == "stem" else None)
        if not self._in_groups(x, stages):
            return self._run(x, stages)
        return torch.cat([self._run(group, stages) for group in x.split(_group_size(x))])

    def _run(self, x: Tensor, stages: tuple[str, ...]) -> Tensor:
        for name in stages:
            if name == "stem":
                x = self.stem(x)
                continue
            if name in POOL_BEFORE:
                x = halve(x, self.options.last_pool_kernel if name == LAST_POOL_BEFORE else 3)
            x = self.inceptions[name](x)
        return x

    def _in_groups(self, x: Tensor, stages: tuple[str, ...]) -> bool:
        """On a CPU a large batch is quicker in groups, and smaller; what needs no gradient may be cut into them.

        Not where somebody looks at the whole batch: batch norm in training, a hook, or who writes the program down.
        """
        whole_batch = self.training and self.options.normalisation == "batch_norm"
        recorded = is_followed() or isinstance(x, torch.fx.Proxy)
        if whole_batch or recorded or torch.is_grad_enabled() or x.device.type != "cpu" or len(x) <= _group_size(x):
            return False
        return not any(map(_has_hooks, map(self.stage, stages)))

    def feature_map(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 1024, 7, 7)."""
        return self.forward_stages(x)

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 1024), the average-pooled map that classifiers stand on; at least float32."""
        return average(self.feature_map(x))

    def classify(self, features: Tensor) -> Tensor:
        """(N, 1024) -> logits (N, num_classes); dropout acts in training only."""
        if self.linear is None:
            raise ValueError("this GoogLeNet has no linear layer (num_classes=0): it gives features, not logits")
        logits: Tensor = self.linear(self.dropout(features.to(self.linear.weight.dtype)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> logits (N, num_classes)."""
        return self.classify(self.features(x))

    def forward_with_auxiliaries(self, x: Tensor) -> Logits:
        """(N, 3, 224, 224) -> the three logits of training; the paper adds the auxiliary losses with weight 0.3."""
        if not self.auxiliaries:
            raise ValueError("this GoogLeNet has no auxiliary heads; build it with GoogLeNetOptions(auxiliary=True)")
        map_4a = self.forward_stages(x, last="4a")  # (N, 512, 14, 14)
        map_4d = self.forward_stages(map_4a, "4b", "4d")  # (N, 528, 14, 14)
        features = average(self.forward_stages(map_4d, "4e"))  # (N, 1024)
        return Logits(self.classify(features), self.auxiliaries["4a"](map_4a), self.auxiliaries["4d"](map_4d))

    def _range(self, first: str, last: str) -> tuple[str, ...]:
        for stage in (first, last):
            if stage not in self.STAGES:
                raise ValueError(f"unknown stage {stage!r}; the stages are {', '.join(self.STAGES)}")
        start, stop = self.STAGES.index(first), self.STAGES.index(last)
        if start > stop:
            raise ValueError(f"stage {first!r} comes after {last!r}; the order is {', '.join(self.STAGES)}")
        return self.STAGES[start : stop + 1]


def _batch(x: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A batch (N, C, H, W), in another precision where one is given; anything else is refused at the entrance."""
    if x.ndim != 4:
        raise ValueError(f"expected a batch (N, C, H, W), got shape {tuple(x.shape)}; one image is image[None]")
    return x if dtype is None else x.to(dtype)


def _has_hooks(stage: nn.Module) -> bool:
    return any(part._forward_hooks or part._forward_pre_hooks for part in stage.modules())


def _group_size(x: Tensor) -> int:
    """Images of (N, C, H, W) that a CPU runs at a time."""
    return max(CPU_GROUP // (x.shape[-2] * x.shape[-1]), torch.get_num_threads())
