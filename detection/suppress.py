"""From scored regions to detections: per-class greedy suppression (R-CNN, section 2.2), and what others put on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou, nms

from detection.structures import Detections


@dataclass(frozen=True)
class Suppression:
    """How an image's scored regions become its best detections; the defaults are R-CNN's.

    A box that covers a better one of its class by more than ``overlap`` (IoU) is dropped, as is a score below ``floor``
    and a box without area; at most ``per_image`` are kept.

    With ``voting``, every kept box becomes the mean, weighted by score, of all boxes of its class that overlap it by at
    least so much (Gidaris and Komodakis, arXiv 1505.01749, section 5): a box that many regions agree on lies better
    than any one of them. With ``support`` too, its score is multiplied by ``n / (n + 1)``, of which ``n`` is the sum of
    its votes, its own among them: what many regions agree on is there, what one sees alone may not be.

    Last, a score loses ``cover_penalty`` times the share of its box that lies in a better box of its class. This is
    linear Soft-NMS (Bodla et al., arXiv 1704.04503) with that share in place of IoU, which is small for a part of an
    object and the whole of it.
    """

    overlap: float = 0.3
    per_image: int = 100
    floor: float = 0.01
    voting: float | None = None
    support: bool = False
    cover_penalty: float = 0.0

    def __call__(self, boxes: Tensor, scores: Tensor) -> Detections:
        """The detections by falling score; equal ones in the order of their regions.

        ``boxes`` (R, 4), or (R, K, 4) where every class has its own; ``scores`` (R, K) without the background.
        """
        own = boxes if boxes.ndim == 3 else boxes[:, None].expand(*scores.shape, 4)
        candidates = (scores >= self.floor) & (own[..., 2:] > own[..., :2]).all(dim=-1)  # (R, K)
        row, label = self._best(own, scores, candidates)
        found, certainty = own[row, label].double(), scores[row, label].double()
        if self.voting is not None:
            found, votes = _elected(own, scores * candidates, row, label, self.voting)
            certainty = certainty * votes / (votes + 1) if self.support else certainty
        if self.cover_penalty:
            certainty = certainty * (1 - self.cover_penalty * _covered(found, certainty, label))
        order = certainty.argsort(descending=True, stable=True)
        found, certainty, label = found[order].float(), certainty[order].float(), label[order]
        return Detections(found.cpu().numpy(), certainty.cpu().numpy(), label.cpu().numpy())

    def _best(self, boxes: Tensor, scores: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Row and label (D,) of the best boxes (R, K, 4), by falling score."""
        kept = torch.zeros_like(candidates)
        for k in range(scores.shape[1]):
            rows = torch.nonzero(candidates[:, k]).flatten()
            # in double precision, as the original: an overlap of 3/10 in single precision is above 0.3
            best = nms(boxes[rows, k].double(), scores[rows, k].double(), self.overlap)
            kept[rows[best], k] = True
        row, label = torch.nonzero(kept, as_tuple=True)
        order = scores[row, label].argsort(descending=True, stable=True)[: self.per_image]
        return row[order], label[order]


RCNN = Suppression()


def _elected(boxes: Tensor, votes: Tensor, row: Tensor, label: Tensor, overlap: float) -> tuple[Tensor, Tensor]:
    """What the votes (R, K) for boxes (R, K, 4) make of the kept ones, given by row and label (D,).

    The boxes (D, 4), and how many votes each has (D,).
    """
    elected = boxes[row, label].double()
    received = torch.zeros_like(elected[:, 0])
    for k in label.unique().tolist():
        mine, voters = label == k, boxes[:, k].double()
        weights = votes[:, k].double() * (box_iou(elected[mine], voters) >= overlap)  # (D of k, R)
        total = weights.sum(dim=1, keepdim=True)  # 0 where every score is
        elected[mine] = torch.where(total > 0, weights @ voters / total, elected[mine])
        received[mine] = total[:, 0]
    return elected, received


def _covered(boxes: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """The largest share of each box (D, 4) that lies in one better box of its class (D,)."""
    order = scores.argsort(descending=True, stable=True)
    ranked, classes = boxes[order], labels[order]
    corners = torch.maximum(ranked[:, None, :2], ranked[:, :2]), torch.minimum(ranked[:, None, 2:], ranked[:, 2:])
    shared = (corners[1] - corners[0]).clamp(min=0).prod(dim=-1)  # (D, D)
    shares = shared / (ranked[:, 2:] - ranked[:, :2]).prod(dim=-1, keepdim=True)
    better = (classes[:, None] == classes).tril(-1)
    covered = torch.zeros_like(scores)
    if len(order):
        covered[order] = (shares * better).amax(dim=1)
    return covered
