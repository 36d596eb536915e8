"""The detector: propose, select, score, suppress."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torchvision.ops import clip_boxes_to_image

from detection.calibration import Calibration, thresholds_of
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import ScoredRegions
from detection.proposals.base import Proposer
from detection.proposals.ranking import RegionSelector
from detection.structures import Detections, Proposals, RGBImage
from detection.suppress import RCNN, Suppression


@dataclass(frozen=True)
class Selection:
    """How many regions an image's scores are spent on, and who chooses them; ``top`` None scores every proposal."""

    selector: RegionSelector | None = None
    top: int | None = None


def detections_of(scored: ScoredRegions, size: tuple[int, int], suppression: Suppression) -> Detections:
    """What scored regions of an image of ``size`` (height, width) come to; boxes end at its border."""
    return suppression(clip_boxes_to_image(scored.boxes, size), scored.scores)


class RegionDetector:
    """R-CNN with a GoogLeNet (paper, section 8): regions of an image, each classified by its own crop."""

    def __init__(
        self,
        class_names: tuple[str, ...],
        proposer: Proposer,
        scorer: RegionScorer,
        selection: Selection = Selection(),
        suppression: Suppression = RCNN,
        calibration: Calibration | None = None,
    ) -> None:
        self.class_names = class_names
        self.proposer = proposer
        self.scorer = scorer
        self.selection = selection
        self.suppression = suppression
        self.calibration = calibration

    def predict(self, image: RGBImage, proposals: Proposals | None = None) -> Detections:
        """The objects of one image (H, W, 3); boxes lie in its frame. ``proposals``: use these instead of our own."""
        proposals = self.proposer(image) if proposals is None else proposals
        regions = self.select(image, proposals)
        found = detections_of(self.scorer(image, regions.boxes), image.shape[:2], self.suppression)
        found = found if self.calibration is None else self.calibration(found)
        return replace(found, fallback=proposals.fallback)

    def confident(self, found: Detections, threshold: str | float | None = None) -> Detections:
        """Those of the detections that count: see :func:`detection.calibration.thresholds_of`."""
        bars = thresholds_of(threshold, self.class_names, self.calibration)
        by_label = np.array([bars[name] if isinstance(bars, dict) else bars for name in self.class_names])
        return found[found.scores >= by_label[found.labels]]

    def select(self, image: RGBImage, proposals: Proposals) -> Proposals:
        """The regions that are scored: the selector's choice, or the first ones where there is no selector."""
        selector, top = self.selection.selector, self.selection.top
        if top is None:
            return proposals
        return proposals[:top] if selector is None else selector(image, proposals, top)
