"""From scored regions to detections: per-class greedy suppression (R-CNN, section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou, nms

from detection.structures import Detections


def suppress(
    boxes: Tensor,
    scores: Tensor,
    *,
    overlap: float = 0.3,
    per_image: int = 100,
    floor: float = 0.0,
    voting: float | None = None,
    support: bool = False,
) -> Detections:
    """The best detections of an image, by falling score; equal ones in the order of their regions.

    ``boxes`` (R, 4), or (R, K, 4) where every class has its own; ``scores`` (R, K) without the background. A box that
    covers a better one of its class by more than ``overlap`` (IoU) is dropped, as is a score below ``floor`` and a box
    without area; at most ``per_image`` are kept. With ``voting``, every kept box becomes the mean, weighted by score,
    of all boxes of its class that overlap it by at least so much (Gidaris and Komodakis, arXiv 1505.01749, section 5):
    a box that many regions agree on lies better than any one of them.

    With ``support``, where there are votes, the score of a box is multiplied by ``n / (n + 1)``, of which ``n`` is the
    sum of its votes, its own among them: what many regions agree on is there, what one sees alone may not be.
    """
    regions, classes = scores.shape
    own = boxes if boxes.ndim == 3 else boxes[:, None].expand(regions, classes, 4)
    candidates = (scores >= floor) & (own[..., 2:] > own[..., :2]).all(dim=-1)  # (R, K)
    kept = torch.zeros_like(candidates)
    for k in range(classes):
        rows = torch.nonzero(candidates[:, k]).flatten()
        # in double precision, as the original: an overlap of 3/10 in single precision is above 0.3
        best = nms(own[rows, k].double(), scores[rows, k].double(), overlap)
        kept[rows[best], k] = True
    row, label = torch.nonzero(kept, as_tuple=True)
    order = scores[row, label].argsort(descending=True, stable=True)[:per_image]
    row, label = row[order], label[order]
    final, best = own[row, label], scores[row, label]
    if voting is not None:
        final, votes = _elected(own, scores * candidates, row, label, voting)
        if support:
            best = best.double() * votes / (votes + 1)
            order = best.argsort(descending=True, stable=True)
            final, best, label = final[order], best[order], label[order]
    return Detections(final.float().cpu().numpy(), best.float().cpu().numpy(), label.cpu().numpy())


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
