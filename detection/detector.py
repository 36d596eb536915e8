"""The detector: propose, select, score, suppress."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL.Image import Image
from torchvision.ops import clip_boxes_to_image

from detection.calibration import Calibration, thresholds_of
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import ScoredRegions
from detection.images import as_image
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
    boxes, scores = (
        scored.boxes.cpu(),
        scored.scores.cpu(),
    )  # on a GPU torchvision compares overlaps in single precision
    return suppression(clip_boxes_to_image(boxes, size), scores)


class RegionDetector:
    """R-CNN with a GoogLeNet (paper, section 8): regions of an image, each classified by its own crop.

    A process that has run one must not be forked to run it again: OpenMP's threads are not copied, and the new process
    would wait for them forever. ``multiprocessing.get_context("spawn")`` starts processes that can.
    """

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

    def __repr__(self) -> str:
        shown = f"networks={len(self.scorer.members)}, top={self.selection.top}, device={self.scorer.device}"
        return f"{type(self).__name__}(classes={self.class_names}, {shown})"

    def predict(
        self,
        image: RGBImage | Image | str | Path | bytes,
        proposals: Proposals | None = None,
        *,
        threshold: str | float | None = None,
    ) -> Detections:
        """The objects of one image, the best first; boxes lie in the frame of the upright image.

        ``image``: an RGB array (H, W, 3) of uint8, Pillow's image, a path, or a file's content. ``proposals``: use
        these instead of our own. ``threshold``: only what :meth:`confident` lets through; without one everything down
        to ``suppression.floor``, as evaluation needs it. Raises ``ValueError`` and ``FileNotFoundError`` for what is no
        image.
        """
        image = as_image(image)
        proposals = self.proposer(image) if proposals is None else proposals
        regions = self.select(image, proposals)
        found = detections_of(self.scorer(image, regions.boxes), image.shape[:2], self.suppression)
        found = found if self.calibration is None else self.calibration(found)
        found = replace(found, fallback=proposals.fallback)
        return found if threshold is None else self.confident(found, threshold)

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
