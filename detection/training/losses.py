"""What fine-tuning minimises: softmax over K + 1 classes, box offsets of the positives (Fast R-CNN, section 2.3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from detection.heads.box_coding import encode_boxes
from detection.heads.region_classifier import RegionScores


class Losses(NamedTuple):
    """Two scalars; the box loss is a zero where nothing is regressed."""

    classification: Tensor
    boxes: Tensor


def region_losses(scores: RegionScores, classes: Tensor, regions: Tensor, matches: Tensor) -> Losses:
    """Losses of N crops: ``classes`` (N,) with 0 the background, ``regions`` and their objects ``matches`` (N, 4).

    The box loss is averaged over all N crops, so that a batch with few positives does not shout.
    """
    classification = F.cross_entropy(scores.logits.float(), classes)
    if scores.offsets is None:
        return Losses(classification, classification.new_zeros(()))
    rows, positive = torch.arange(len(classes), device=classes.device), (classes > 0)[:, None]
    offsets = scores.offsets.float()[rows, (classes - 1).clamp(min=0)]
    wanted = torch.where(positive, encode_boxes(matches, regions), offsets.detach())  # to pick rows waits for a GPU
    boxes = F.smooth_l1_loss(offsets, wanted, reduction="sum") / len(classes)
    return Losses(classification, boxes)
