"""Which photos to look at first: those with the most errors at the thresholds in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.evaluation.judgement import Judgement
from detection.evaluation.matching import FALSE_POSITIVE, TRUE_POSITIVE
from detection.evaluation.tables import Floats


@dataclass(frozen=True)
class ImageErrors:
    """Rows of the detections that are ``right`` and ``wrong``, and of the objects ``missed``, in one image."""

    image: int
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    missed: tuple[int, ...]

    @property
    def errors(self) -> int:
        return len(self.wrong) + len(self.missed)

    def summary(self) -> dict[str, int]:
        """What JSON can hold: the counts."""
        counts = {"right": len(self.right), "wrong": len(self.wrong), "missed": len(self.missed)}
        return {"image": self.image, **counts}


def worst_images(judgement: Judgement, thresholds: Floats, most: int = 12) -> tuple[ImageErrors, ...]:
    """Images with errors, the most errors first, where detections count from ``thresholds`` (K,) on."""
    detections, objects = judgement.detections, judgement.objects
    with np.errstate(invalid="ignore"):
        counted = detections.scores >= thresholds[detections.labels]
    right = counted & (judgement.verdicts == TRUE_POSITIVE)
    wrong = counted & (judgement.verdicts == FALSE_POSITIVE)
    missed = judgement.sought.copy()
    missed[judgement.met[right]] = False
    images = np.concatenate([detections.images[wrong], objects.images[missed]])
    found, counts = np.unique(images, return_counts=True)
    result = []
    for image in found[np.argsort(-counts, kind="stable")][:most].tolist():
        masks = (right & (detections.images == image), wrong & (detections.images == image))
        rows = [tuple(np.flatnonzero(mask).tolist()) for mask in (*masks, missed & (objects.images == image))]
        result.append(ImageErrors(image, *rows))
    return tuple(result)
