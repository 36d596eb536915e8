"""A network of a detector, with what was fitted on its features."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from torch import Tensor

from detection.boxes import Boxes
from detection.heads.bbox_regression import RidgeBoxes
from detection.heads.box_coding import decode_boxes
from detection.heads.context import PhotoContext
from detection.heads.region_classifier import RegionClassifier
from detection.heads.scoring import RawScores
from detection.heads.svm import SvmScorer
from detection.regions.warp import Warp
from detection.structures import RGBImage


class Preprocessing(Hashable, Protocol):
    """What a network expects of its input; equal ones do the same."""

    def normalise(self, crops: Tensor) -> Tensor:
        """RGB crops (N, 3, S, S) with pixels 0..255 -> what the network takes."""


@dataclass(frozen=True)
class Member:
    """A network and what was fitted on its features, ready to run."""

    network: RegionClassifier
    preprocessing: Preprocessing
    warp: Warp  # how it cuts a region
    svm: SvmScorer | None = None
    ridge: RidgeBoxes | None = None
    context: PhotoContext | None = None

    def feature_map(self, crops: Tensor) -> Tensor:
        """Crops (N, 3, S, S) in RGB 0..255 -> (N, C, S / 32, S / 32) in float32."""
        return self.network.feature_map(self.pixels(crops)).float()

    def pixels(self, crops: Tensor) -> Tensor:
        """Crops (N, 3, S, S) in RGB 0..255 -> what the network takes."""
        return self.preprocessing.normalise(crops).to(next(self.network.backbone.parameters()).dtype)

    def look(self, feature_map: Tensor, regions: Tensor) -> RawScores:
        """What it says of regions (N, 4) by their feature maps."""
        output = self.network.heads(feature_map)
        return RawScores(
            output.logits.softmax(dim=1)[:, 1:],
            None if self.svm is None else self.svm(output.features),
            None if output.offsets is None else decode_boxes(output.offsets, regions),
            None if self.ridge is None else decode_boxes(self.ridge(feature_map), regions),
        )

    def evidence(self, crop: Tensor) -> Tensor | None:
        """What the crop (1, 3, S, S) of a whole photo says of the classes (K,)."""
        if self.context is None:
            return None
        return cast(Tensor, self.context(self.network.heads(self.feature_map(crop)).features)[0])


def whole(image: RGBImage) -> Boxes:
    """A photo as one region (1, 4)."""
    return np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)
