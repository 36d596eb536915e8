"""Scoring an image's regions with one network or with several: crops are made once, softmax scores are averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from detection.boxes import Boxes
from detection.heads.box_coding import decode_boxes
from detection.heads.region_classifier import RegionClassifier
from detection.regions.warp import Warp, crop_regions
from detection.structures import RGBImage


class ScoredRegions(NamedTuple):
    """``scores`` (R, K) without the background; ``boxes`` (R, K, 4), a region as each class would have it."""

    scores: Tensor
    boxes: Tensor


@dataclass(frozen=True)
class Member:
    """A network of an ensemble, ready to run on the scorer's device, and what it expects of its input (RGB 0..255)."""

    network: RegionClassifier
    normalise: Callable[[Tensor], Tensor]


class RegionScorer:
    """The mean of the members' softmax scores, and of their boxes, on the *same* regions (paper, section 8)."""

    def __init__(self, members: Sequence[Member], warp: Warp, device: torch.device, batch_size: int = 64) -> None:
        if len({member.network.heads.num_classes for member in members}) != 1:
            raise ValueError("the members of an ensemble must know the same classes")
        self.members = list(members)
        self.warp = warp
        self.device = device
        self.batch_size = batch_size

    @torch.inference_mode()
    def __call__(self, image: RGBImage, boxes: Boxes) -> ScoredRegions:
        """The scores of every region (R, 4) of an image, in the order given."""
        classes = self.members[0].network.heads.num_classes
        scores = torch.zeros(len(boxes), classes, device=self.device)
        refined = torch.zeros(len(boxes), classes, 4, device=self.device)
        for start in range(0, len(boxes), self.batch_size):
            rows = slice(start, start + self.batch_size)
            crops = crop_regions(image, boxes[rows], self.warp, self.device)
            regions = torch.from_numpy(boxes[rows]).to(self.device)
            for member in self.members:
                one_scores, one_boxes = _score(member, crops, regions)
                scores[rows] += one_scores / len(self.members)
                refined[rows] += one_boxes / len(self.members)
        return ScoredRegions(scores, refined)


def _score(member: Member, crops: Tensor, regions: Tensor) -> ScoredRegions:
    dtype = next(member.network.backbone.parameters()).dtype
    output = member.network(member.normalise(crops).to(dtype))
    scores = output.logits.softmax(dim=1)[:, 1:]
    if output.offsets is None:
        return ScoredRegions(scores, regions[:, None].expand(-1, scores.shape[1], 4))
    return ScoredRegions(scores, decode_boxes(output.offsets, regions))
