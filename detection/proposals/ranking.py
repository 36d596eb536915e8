"""Ordering an image's regions with one look at the whole image, so that the costly network sees only the best.

The GoogLeNet team cut R-CNN's regions to 60% and gained a point of mAP (paper, section 8); DeepID-Net calls the same
step box rejection (arXiv 1412.5661). Here the detector's own network runs once over the whole image up to ``stage``; a
small head pools that map inside every region and around it (Fast R-CNN's RoI pooling) and says what the region shows.
Regions are ordered by how little they look like background. The head only chooses regions: the scores of a detection
come from the network that sees the region's crop at full resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torchvision.ops import nms

from detection.proposals.pooling import pool_around
from detection.runtime import constants
from detection.structures import Proposals, RGBImage


@dataclass(frozen=True)
class RankingSettings:
    """``image_size``: longest side of the image looked at, in pixels; ``stage``, ``channels``: where its feature map is
    taken and how many channels that has; ``cells``: pooling grid a side; ``surroundings``: the pooled window against
    the region; ``width``, ``hidden``: size of the head; ``overlap``: a region that covers a better one by more than
    this IoU is skipped.
    """

    image_size: int = 576
    stage: str = "4e"
    stride: int = 16
    channels: int = 832
    cells: int = 5
    surroundings: float = 1.5
    width: int = 64
    hidden: int = 256
    overlap: float = 0.75


class RegionRanker(nn.Module):
    """The head: feature map of an image (1, C, h, w) and regions (R, 4) in its pixels -> logits (R, K + 1)."""

    def __init__(self, num_classes: int, settings: RankingSettings = RankingSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.reduce = nn.Conv2d(settings.channels, settings.width, kernel_size=1)
        self.hidden = nn.Linear(settings.width * settings.cells**2 + 4, settings.hidden)
        self.output = nn.Linear(settings.hidden, num_classes + 1)

    def forward(self, feature_map: Tensor, boxes: Tensor) -> Tensor:
        """``boxes`` (R, 4) in pixels of the resized image that ``feature_map`` was made of."""
        cells, stride = self.settings.cells, self.settings.stride
        reduced = torch.relu(self.reduce(feature_map))
        pooled = pool_around(reduced, boxes, self.settings.surroundings, cells, stride)  # (R, width * cells^2)
        extent = constants([feature_map.shape[3], feature_map.shape[2]] * 2, boxes) * stride
        place = boxes / extent  # where in the image the region lies, and so how large it is
        return cast(Tensor, self.output(torch.relu(self.hidden(torch.cat([pooled, place], dim=1)))))


class RegionSelector:
    """The ranker at work: an image and its proposals -> the ``top`` proposals worth the network's time, best first."""

    def __init__(
        self,
        trunk: Callable[[Tensor], Tensor],
        ranker: RegionRanker,
        normalise: Callable[[Tensor], Tensor],
        device: torch.device,
    ) -> None:
        self.trunk = trunk
        self.ranker = ranker.to(device).eval()
        self.normalise = normalise
        self.device = device

    @torch.inference_mode()
    def __call__(self, image: RGBImage, proposals: Proposals, top: int) -> Proposals:
        """At most ``top`` of the proposals; where there are no more than that, all of them as they are."""
        if len(proposals) <= top:
            return proposals
        feature_map, factor = self.look(image)
        boxes = torch.from_numpy(proposals.boxes).to(self.device) * factor
        objectness = 1 - self.ranker(feature_map, boxes).softmax(dim=1)[:, 0]
        keep = nms(boxes, objectness, self.ranker.settings.overlap)[:top].cpu().numpy()
        return Proposals(proposals.boxes[keep], objectness.cpu().numpy()[keep])

    def look(self, image: RGBImage) -> tuple[Tensor, float]:
        """The feature map (1, C, h, w) of the whole image in float32, and the factor by which it was resized."""
        small, factor = resize_longest(image, self.ranker.settings.image_size)
        pixels = torch.from_numpy(small).to(self.device).permute(2, 0, 1)[None]
        return self.trunk(self.normalise(pixels)).float(), factor


def resize_longest(image: RGBImage, longest: int) -> tuple[RGBImage, float]:
    """The image with its longer side at ``longest`` pixels, and the factor that was applied."""
    height, width = image.shape[:2]
    factor = longest / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8), factor
