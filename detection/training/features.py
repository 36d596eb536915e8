"""What a finished network sees of training photos: photo by photo, and nothing is kept but what a fit needs.

R-CNN wrote every region's features to disk, 200 GB of them. Here a photo is looked at twice: at the whole of it, its
objects and a few of its regions, whose features are kept; then at many of its regions, which are used and forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detection.boxes import Boxes
from detection.datasets.base import Dataset
from detection.heads.members import Member, whole
from detection.proposals.store import Report
from detection.regions.crops import crop_regions
from detection.structures import RGBImage, Target
from detection.training.sampling import label_regions

Features = NDArray[np.float32]  # (N, C)
FEW = 4  # regions of a photo whose features are kept
BATCH = 64


@dataclass(frozen=True)
class Seen:
    """Regions (R, 4) of one photo and their last feature maps (R, C, 7, 7)."""

    boxes: Boxes
    maps: Tensor

    @property
    def features(self) -> Features:
        """The pooled maps (R, C)."""
        return np.asarray(self.maps.mean(dim=(2, 3)).cpu().numpy(), np.float32)


@dataclass(frozen=True)
class Looker:
    """Looks at photos with one network; of the ``regions`` of a photo, by index, some are drawn by lot."""

    member: Member
    device: torch.device
    photos: Dataset
    regions: Mapping[int, Boxes]
    seed: int = 0

    @torch.inference_mode()
    def look(self, image: RGBImage, boxes: Boxes) -> Seen:
        """At regions (R, 4), one at least, of a photo."""
        maps = []
        for start in range(0, len(boxes), BATCH):
            crops = crop_regions(image, boxes[start : start + BATCH], self.member.warp, self.device)
            maps.append(self.member.feature_map(crops))
        return Seen(boxes, torch.cat(maps))

    def objects(self, index: int) -> Target:
        """The objects of a photo that count."""
        target = self.photos.target(index)
        return target[~(target.difficult | target.crowd)]

    def some(self, index: int, count: int) -> Boxes:
        """At most ``count`` regions of a photo; the same ones whenever as many are asked for."""
        regions = self.regions[index]
        return regions[np.random.default_rng((self.seed, index, count)).permutation(len(regions))[:count]]


@dataclass(frozen=True)
class Overview:
    """What is kept of the first look at N photos.

    ``wholes`` (N, C) of the photos annotated in full, and which classes they hold, ``present`` (N, K), where that is
    ``known`` (N, K): not where all that they hold of a class are objects that do not count; ``objects`` (G, C) and
    their ``labels`` (G,);
    ``regions`` (M, C) and what they show, ``classes`` (M,) as in RegionLabels; ``components`` (C, C): the principal
    directions of the cells of all maps in rows, the one that varies most first.
    """

    wholes: Features
    present: NDArray[np.bool_]
    known: NDArray[np.bool_]
    objects: Features
    labels: NDArray[np.int64]
    regions: Features
    classes: NDArray[np.int64]
    components: Features

    def scale(self, norm: float) -> float:
        """What brings features of regions to a mean norm."""
        return norm / float(np.linalg.norm(np.concatenate([self.objects, self.regions]), axis=1).mean())


def first_look(looker: Looker, indices: Sequence[int], report: Report) -> Overview:
    """Look at every photo as a whole, its objects, and :data:`FEW` of its regions."""
    kept: list[tuple[NDArray[Any], ...]] = []
    moments = Moments()
    for done, index in enumerate(indices, start=1):
        image, objects, few = looker.photos.image(index), looker.objects(index), looker.some(index, FEW)
        seen = looker.look(image, np.concatenate([whole(image), objects.boxes, few]))
        moments.add(seen.maps)
        of_whole, of_objects, of_regions = np.split(seen.features, [1, 1 + len(objects)])
        target, every = looker.photos.target(index), np.arange(len(looker.photos.class_names))
        present = np.isin(every, objects.labels)[None]
        known = present | ~np.isin(every, target.labels)
        if objects.partial:  # what is not annotated in it may be there
            of_whole, present, known = of_whole[:0], present[:0], known[:0]
        classes = label_regions(few, target).classes
        kept.append((of_whole, present, known, of_objects, objects.labels, of_regions, classes))
        report("first look at photos", done, len(indices))
    wholes, presence, known_of, all_objects, labels, regions, shown = map(np.concatenate, zip(*kept, strict=True))
    return Overview(wholes, presence, known_of, all_objects, labels, regions, shown, moments.components())


class Moments:
    """The sums of the channels of all cells of feature maps, and of their products."""

    def __init__(self) -> None:
        self.count, self.sums, self.products = 0, torch.zeros(1), torch.zeros(1, 1)

    def add(self, maps: Tensor) -> None:
        """Maps (R, C, h, w)."""
        cells = maps.transpose(0, 1).flatten(1)  # (C, R x h x w)
        self.count += cells.shape[1]
        self.sums = self.sums + cells.sum(dim=1).cpu()
        self.products = self.products + (cells @ cells.T).cpu()

    def components(self) -> Features:
        """The eigenvectors of the channels' covariance, in rows, that of the largest eigenvalue first."""
        mean = self.sums.double() / self.count
        _, vectors = torch.linalg.eigh(self.products.double() / self.count - torch.outer(mean, mean))
        return np.asarray(vectors.T.flip(0).numpy(), np.float32)
