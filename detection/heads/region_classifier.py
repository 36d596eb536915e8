"""The network of the detector: GoogLeNet with K + 1 classes and, if wanted, class-specific box regression."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Protocol, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detection.heads.dropout import BatchDropout


class Backbone(Protocol):
    """What the heads need of a convolutional network that is made of named stages."""

    STAGES: Sequence[str]
    options: Hashable

    def stage(self, name: str) -> nn.Module: ...

    def forward_stages(self, x: Tensor, first: str = ..., last: str = ...) -> Tensor: ...


class RegionScores(NamedTuple):
    """What the network says of N crops.

    ``logits`` (N, K + 1), column 0 is the background; ``offsets`` (N, K, 4) relative to the region, or None;
    ``features`` (N, C): the pooled map that the logits are made of.
    """

    logits: Tensor
    offsets: Tensor | None
    features: Tensor


class BoxRegressor(nn.Module):
    """Class-specific box offsets from the last feature map.

    R-CNN regresses from pool5, which still knows *where* in the region something lies; GoogLeNet's average pool
    forgets it. So a 1x1 convolution thins the map out, as in the paper's auxiliary heads, and one linear layer reads
    all of its ``cells`` x ``cells``. The smaller map of a smaller crop is stretched to as many.
    """

    def __init__(self, channels: int, num_classes: int, cells: int = 7, width: int = 64) -> None:
        super().__init__()
        self.cells = cells
        self.reduce = nn.Conv2d(channels, width, kernel_size=1)
        self.linear = nn.Linear(width * cells * cells, 4 * num_classes)
        nn.init.normal_(self.linear.weight, std=0.001)
        nn.init.zeros_(self.linear.bias)

    def forward(self, feature_map: Tensor) -> Tensor:
        """(N, C, 7, 7) -> (N, K, 4)."""
        x = torch.relu(self.reduce(feature_map))  # (N, 64, 7, 7)
        if x.shape[-1] != self.cells:
            x = F.interpolate(x, size=(self.cells, self.cells), mode="bilinear")
        return cast(Tensor, self.linear(x.flatten(1)).unflatten(1, (-1, 4)))


class RegionHeads(nn.Module):
    """What replaces GoogLeNet's classifier: K + 1 logits from the pooled map and, if wanted, offsets from the map.

    ``channels`` and ``cells`` are the map's: 1024 and 7 of a crop of 224 pixels.
    """

    def __init__(
        self,
        num_classes: int,
        channels: int = 1024,
        *,
        box_regression: bool = True,
        dropout: float = 0.4,
        cells: int = 7,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.dropout = BatchDropout(dropout)
        self.linear = nn.Linear(channels, num_classes + 1)
        nn.init.normal_(self.linear.weight, std=0.01)  # R-CNN, section 2.3: the new layer starts from noise
        nn.init.zeros_(self.linear.bias)
        self.box_regressor: BoxRegressor | None = None
        if box_regression:
            self.box_regressor = BoxRegressor(channels, num_classes, cells)

    def forward(self, feature_map: Tensor) -> RegionScores:
        """(N, C, 7, 7) -> scores; always in float32, since a bfloat16 logit has two decimals and scores would tie."""
        with torch.autocast(feature_map.device.type, enabled=False):
            feature_map = feature_map.to(self.linear.weight.dtype)
            features = feature_map.mean(dim=(2, 3))
            logits = self.linear(self.dropout(features))
            offsets = None if self.box_regressor is None else self.box_regressor(feature_map)
        return RegionScores(logits, offsets, features)


class RegionClassifier(nn.Module):
    """Crops (N, 3, 224, 224), already normalised, to :class:`RegionScores`.

    ``frozen`` names the last stage that stays as it is, batch norm's statistics included; nothing before it is kept for
    the backward pass.
    """

    def __init__(self, backbone: nn.Module, heads: RegionHeads, frozen: str | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = heads
        names = list(self.stages.STAGES)
        if frozen is not None and frozen not in names:
            raise ValueError(f"no stage {frozen!r} to freeze; the stages are {', '.join(names)}")
        self.frozen = frozen

    @property
    def stages(self) -> Backbone:
        """The backbone as what the heads need of it."""
        return cast(Backbone, self.backbone)

    def train(self, mode: bool = True) -> Self:
        """Training mode, but for the frozen stages: their batch norm would follow the batch."""
        super().train(mode)
        names = list(self.stages.STAGES)
        for name in names[: names.index(self.frozen) + 1] if self.frozen else ():
            self.stages.stage(name).eval()
        return self

    def feature_map(self, crops: Tensor) -> Tensor:
        """(N, 3, S, S) -> (N, C, S / 32, S / 32)."""
        names = list(self.stages.STAGES)
        if self.frozen is None:
            return self.stages.forward_stages(crops, names[0], names[-1])
        with torch.no_grad():
            x = self.stages.forward_stages(crops, names[0], self.frozen)
        return self.feature_map_after(self.frozen, x)

    def feature_map_after(self, stage: str, x: Tensor) -> Tensor:
        """The same from what a stage gave."""
        names = list(self.stages.STAGES)
        following = names[names.index(stage) + 1 :]
        return self.stages.forward_stages(x, following[0], following[-1]) if following else x

    def forward(self, crops: Tensor) -> RegionScores:
        return cast(RegionScores, self.heads(self.feature_map(crops)))
