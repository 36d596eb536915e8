"""How good a detector is on photos that it is not trained on: what the best model of a run is chosen by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from detection.boxes import Boxes
from detection.build.detector import build_detector
from detection.build.model_file import DetectorModel
from detection.config import TrainingConfig
from detection.datasets.base import Dataset
from detection.evaluation.voc import voc07
from detection.proposals.store import Report
from detection.structures import Proposals


def sample_of(photos: Dataset | None, settings: TrainingConfig) -> list[int]:
    """Which of the validation photos a training looks at, by its seed.

    Raises ``ValueError`` where they hold nothing to find.
    """
    if photos is None:
        return []
    random = np.random.default_rng(settings.seed)
    chosen = sorted(random.permutation(len(photos))[: settings.validation_images].tolist())
    targets = map(photos.target, chosen)
    if all((target.difficult | target.crowd).all() for target in targets):
        counts = "of a class that is trained, neither difficult nor a crowd"
        raise ValueError(f"none of the {len(chosen)} validation photos holds an object that counts ({counts})")
    return chosen


@dataclass(frozen=True)
class Judge:
    """VOC07 mAP on photos, of which the regions to score are given by index."""

    photos: Dataset
    regions: Mapping[int, Boxes]
    device: torch.device
    report: Report

    def __call__(self, model: DetectorModel) -> float:
        detector = build_detector([model], self.device)
        predictions = []
        for done, (index, boxes) in enumerate(self.regions.items(), start=1):
            predictions.append(detector.predict(self.photos.image(index), Proposals(boxes)))
            self.report("validating", done, len(self.regions))
        targets = [self.photos.target(index) for index in self.regions]
        return voc07(predictions, targets, model.class_names).mean_ap
