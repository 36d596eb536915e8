"""A second look: boxes that regression moved are cropped, scored and moved again.

"Iterative localisation" of Gidaris and Komodakis (arXiv 1505.01749, section 5), once around, for the best boxes alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from detection.heads.scoring import ScoredRegions

FLOOR = 0.05  # a box with a lower score is not looked at again,
OVERLAP = 0.5  # nor one that covers a better one of its class by more than this


@dataclass(frozen=True, eq=False)
class Looks:
    """What is looked at again: ``boxes`` (C, 4), the best first.

    Each is a region, a row of the first look in ``rows`` (C,), as it was moved for a class of ``labels`` (C,).
    """

    boxes: Tensor
    rows: Tensor
    labels: Tensor

    def __getitem__(self, wanted: slice) -> Looks:
        return Looks(self.boxes[wanted], self.rows[wanted], self.labels[wanted])


def second_looks(first: ScoredRegions, size: tuple[int, int], count: int) -> Looks:
    """The boxes, at most ``count``, of an image of ``size`` (height, width) that deserve another look."""
    inside = clip_boxes_to_image(first.boxes, size)
    whole = (inside[..., 2:] - inside[..., :2] >= 1).all(dim=-1)
    rows, labels = torch.nonzero((first.scores >= FLOOR) & whole, as_tuple=True)
    boxes, scores = inside[rows, labels], first.scores[rows, labels]
    best = batched_nms(boxes, scores, labels, OVERLAP)[:count]
    return Looks(boxes[best], rows[best], labels[best])


def with_second_look(first: ScoredRegions, looks: Looks, second: ScoredRegions) -> ScoredRegions:
    """The regions (R) and, below them, the boxes that were looked at again (C): R + C rows.

    A box counts for the class that it was moved for, with the mean of both looks' scores: the second alone is too sure
    of parts of objects. It has no area for the other classes.
    """
    chosen = torch.arange(len(looks.labels), device=looks.labels.device), looks.labels
    scores, boxes = torch.zeros_like(second.scores), torch.zeros_like(second.boxes)
    scores[chosen] = (first.scores[looks.rows, looks.labels] + second.scores[chosen]) / 2
    boxes[chosen] = second.boxes[chosen]
    return ScoredRegions(torch.cat([first.scores, scores]), torch.cat([first.boxes, boxes]))
