"""The detector: propose, select, score, suppress."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from detection.heads.scoring import RegionScorer
from detection.proposals.base import Proposer
from detection.proposals.ranking import RegionSelector
from detection.structures import Detections, Proposals, RGBImage
from detection.suppress import suppress


@dataclass(frozen=True)
class Selection:
    """How many regions an image's scores are spent on, and who chooses them; ``top`` None scores every proposal."""

    selector: RegionSelector | None = None
    top: int | None = None


@dataclass(frozen=True)
class Suppression:
    """The keyword arguments of :func:`detection.suppress.suppress`."""

    overlap: float = 0.3
    per_image: int = 100
    floor: float = 0.01
    voting: float | None = None


class RegionDetector:
    """R-CNN with a GoogLeNet (paper, section 8): regions of an image, each classified by its own crop."""

    def __init__(
        self,
        class_names: tuple[str, ...],
        proposer: Proposer,
        scorer: RegionScorer,
        selection: Selection = Selection(),
        suppression: Suppression = Suppression(),
    ) -> None:
        self.class_names = class_names
        self.proposer = proposer
        self.scorer = scorer
        self.selection = selection
        self.suppression = suppression

    def predict(self, image: RGBImage, proposals: Proposals | None = None) -> Detections:
        """The objects of one image (H, W, 3); boxes lie in its frame. ``proposals``: use these instead of our own."""
        proposals = self.proposer(image) if proposals is None else proposals
        regions = self.select(image, proposals)
        scores, boxes = self.scorer(image, regions.boxes)
        height, width = image.shape[:2]
        limits = torch.tensor([width, height, width, height], device=boxes.device)
        inside = torch.minimum(boxes.clamp(min=0), limits)
        return replace(suppress(inside, scores, **self.suppression.__dict__), fallback=proposals.fallback)

    def select(self, image: RGBImage, proposals: Proposals) -> Proposals:
        """The regions that are scored: the selector's choice, or the first ones where there is no selector."""
        selector, top = self.selection.selector, self.selection.top
        if top is None:
            return proposals
        return proposals[:top] if selector is None else selector(image, proposals, top)
