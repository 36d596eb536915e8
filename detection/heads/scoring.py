"""What networks say of an image's regions, and which of it counts: scores and boxes, averaged over the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from detection.boxes import Boxes
from detection.heads.context import with_evidence

Part = TypeVar("Part")  # of what a model says, or of the model


class ScoredRegions(NamedTuple):
    """``scores`` (R, K) without the background; ``boxes`` (R, K, 4), a region as each class would have it."""

    scores: Tensor
    boxes: Tensor


class RawScores(NamedTuple):
    """All that one network says of R regions; ``None`` for what it does not say.

    ``softmax`` (R, K) without the background and ``svm`` (R, K) are scores; ``learned`` and ``ridge`` (R, K, 4) boxes;
    ``evidence`` (K,) is the whole photo's.
    """

    softmax: Tensor
    svm: Tensor | None = None
    learned: Tensor | None = None
    ridge: Tensor | None = None
    evidence: Tensor | None = None

    def kept(self) -> RawScores:
        """The same in float32 on the CPU."""
        return RawScores._make(None if values is None else values.float().cpu() for values in self)


@dataclass(frozen=True)
class Scoring:
    """Which of it counts: ``context`` is how much of the whole photo's evidence moves the scores.

    A score is multiplied by the overlap (IoU) of the region with its moved box, to the power of
    ``localisation_confidence``: a region that lay badly shows the object badly, and should not outdo one that lay well.
    (IoU-Net, arXiv 1807.11590, section 3, trains a branch to predict such an overlap; here the regression tells it.)
    """

    scores: Literal["softmax", "svm"] = "softmax"
    box_regression: Literal["none", "learned", "ridge"] = "learned"
    context: float = 0.0
    localisation_confidence: float = 0.0

    def __call__(self, raw: RawScores, boxes: Boxes) -> ScoredRegions:
        """The scores and boxes of regions (R, 4); raises ``ValueError`` where the network was not fitted for them."""
        scores = fitted(raw.svm, "scores=svm") if self.scores == "svm" else raw.softmax
        if self.context:
            scores = with_evidence(scores, fitted(raw.evidence, f"context={self.context:g}") * self.context)
        moved = fitted(raw.ridge, "box_regression=ridge") if self.box_regression == "ridge" else raw.learned
        regions = torch.from_numpy(boxes).to(scores.device)[:, None].expand(-1, scores.shape[1], 4)
        if self.box_regression == "none" or moved is None:  # or the network was trained without
            return ScoredRegions(scores, regions)
        if self.localisation_confidence:
            scores = scores * _overlap(regions, moved) ** self.localisation_confidence
        return ScoredRegions(scores, moved)


def _overlap(one: Tensor, other: Tensor) -> Tensor:
    """IoU of each box (..., 4) with the other in its place (...,)."""
    inner = torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])
    both = inner.clamp(min=0).prod(dim=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1) for boxes in (one, other)]
    return both / (areas[0] + areas[1] - both).clamp(min=1e-6)


def averaged(each: Sequence[ScoredRegions]) -> ScoredRegions:
    """The mean of several networks' scores, and of their boxes, on the same regions (paper, section 8)."""
    return ScoredRegions(*(torch.stack(column).mean(dim=0) for column in zip(*each, strict=True)))


def fitted(part: Part | None, wanted: str) -> Part:
    """What ``detection.`` + ``wanted`` asks for; raises ``ValueError`` where the model does not hold it."""
    if part is None:
        raise ValueError(f"detection.{wanted} needs what tools/refine.py fits, and the model does not hold it")
    return part
