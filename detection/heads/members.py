"""The networks of a detector on the same regions: each region's crop is made once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from backbone.preprocessing import Preprocessing
from detection.boxes import Boxes
from detection.heads.bbox_regression import RidgeBoxes
from detection.heads.box_coding import decode_boxes
from detection.heads.context import PhotoContext
from detection.heads.region_classifier import RegionClassifier
from detection.heads.scoring import RawScores, ScoredRegions, Scoring, averaged
from detection.heads.second_look import second_looks, with_second_look
from detection.heads.svm import SvmScorer
from detection.regions.warp import Warp, crop_regions
from detection.structures import RGBImage


@dataclass(frozen=True)
class Member:
    """A network and what was fitted on its features, ready to run."""

    network: RegionClassifier
    preprocessing: Preprocessing
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


class RegionScorer:
    """The mean of the members' scores, and of their boxes, on the *same* regions (paper, section 8).

    The first member chooses what is looked at again.
    """

    def __init__(
        self,
        members: Sequence[Member],
        warp: Warp,
        device: torch.device,
        batch_size: int = 64,
        scoring: Scoring | None = None,
    ) -> None:
        if len({member.network.heads.num_classes for member in members}) != 1:
            raise ValueError("the members of an ensemble must know the same classes")
        self.members = list(members)
        self.warp = warp
        self.device = device
        self.batch_size = batch_size
        self.scoring = scoring or Scoring()
        self.shared = shared_stages(self.members)

    def __call__(self, image: RGBImage, boxes: Boxes) -> ScoredRegions:
        """The scores of every region (R, 4) of an image, in the order given; a second look adds rows below them."""
        first = self.raw(image, boxes)
        scored = averaged([self.scoring(raw, boxes) for raw in first])
        if not self.scoring.looks_again(first[0]):
            return scored
        looks = second_looks(self.scoring(first[0], boxes), image.shape[:2], self.scoring.second_look)
        moved = looks.boxes.cpu().numpy()
        return with_second_look(scored, looks, averaged([self.scoring(raw, moved) for raw in self.raw(image, moved)]))

    @torch.inference_mode()
    def raw(self, image: RGBImage, boxes: Boxes) -> list[RawScores]:
        """All that each member says of the regions (R, 4) of an image, in the order given."""
        parts = [
            [member.look(maps, rows) for member, maps in zip(self.members, self._feature_maps(crops), strict=True)]
            for crops, rows in self._batches(image, boxes)
        ]
        each = [_joined(of_member, len(boxes)) for of_member in zip(*parts, strict=True)]
        if all(member.context is None for member in self.members):
            return each
        photo = crop_regions(image, whole(image), self.warp, self.device)
        return [one._replace(evidence=member.evidence(photo)) for one, member in zip(each, self.members, strict=True)]

    def _feature_maps(self, crops: Tensor) -> Iterator[Tensor]:
        """Each member's feature map of the crops; the stages that all share run once."""
        if not self.shared:
            yield from (member.feature_map(crops) for member in self.members)
            return
        first = self.members[0]
        begun = first.network.stages.forward_stages(first.pixels(crops), self.shared[0], self.shared[-1])
        for member in self.members:
            yield member.network.feature_map_after(self.shared[-1], begun).float()

    def _batches(self, image: RGBImage, boxes: Boxes) -> Iterator[tuple[Tensor, Tensor]]:
        """Crops and their regions; without regions the photo stands in, so that shapes are known."""
        boxes = boxes if len(boxes) else whole(image)
        for start in range(0, len(boxes), self.batch_size):
            rows = boxes[start : start + self.batch_size]
            yield crop_regions(image, rows, self.warp, self.device), torch.from_numpy(rows).to(self.device)


def shared_stages(members: Sequence[Member]) -> list[str]:
    """The first stages that are the same in all of several networks: in training they were frozen."""
    first, *others = members
    alike = {(member.preprocessing, member.network.stages.options) for member in members}
    shared: list[str] = []
    if not others or len(alike) > 1:
        return shared
    for name in first.network.stages.STAGES:
        stage, *same = (member.network.stages.stage(name).state_dict() for member in members)
        if not all(_equal(stage, other) for other in same):
            break
        shared.append(name)
    return shared


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def whole(image: RGBImage) -> Boxes:
    """A photo as one region (1, 4)."""
    return np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)


def _joined(parts: Sequence[RawScores], rows: int) -> RawScores:
    """The batches of one member as one."""
    columns = zip(*parts, strict=True)
    return RawScores._make(None if column[0] is None else torch.cat(column)[:rows] for column in columns)
