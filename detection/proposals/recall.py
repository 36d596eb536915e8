"""How many objects proposals cover, and how well: what a detector of regions cannot do better than.

An object is covered at an overlap (IoU) if a proposal overlaps it so much; each object takes its best proposal, and two
objects may share one. Recall is the share of the objects that are covered; average recall (AR) its mean over the
overlaps 0.5 to 0.95, which foretells a detector's quality better than recall at 0.5 (Hosang et al., PAMI 2016, section
5; sampled in steps of 0.05, as COCO does). The average best overlap (ABO) is the mean, over the objects, of the best
overlap, and MABO the mean of the classes' ABO (Uijlings et al., IJCV 2013, section 5). Objects marked difficult or
crowd are not counted. What has no objects is ``nan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes, iou
from detection.structures import Index, Proposals, Target

BUDGETS = (100, 500, 1000, 2000)
REACHED = 0.5  # the overlap that counts as found in every protocol
OVERLAPS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, eq=False)
class Coverage:
    """``G`` objects of ``I`` images, and the best overlap of each with the first boxes of its image.

    ``best`` (G, N + 1): with the first ``budgets[n]`` boxes, and in the last column with all of them; ``nearest``
    (G, 4): the box of all that overlaps most, zeros where none does. ``labels``, ``boxes`` and ``areas`` are those of
    the objects (:class:`detection.structures.Target`); ``image_of`` (G,) is the place of an object's image in
    ``counts`` (I,), the number of proposals of each image.
    """

    class_names: tuple[str, ...]
    budgets: tuple[int, ...]
    counts: NDArray[np.int64]
    image_of: NDArray[np.int64]
    labels: NDArray[np.int64]
    boxes: Boxes
    areas: NDArray[np.float64]
    best: NDArray[np.float32]
    nearest: Boxes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, keep: Index) -> Coverage:
        """The coverage of some of the objects; the images stay."""
        columns = ("image_of", "labels", "boxes", "areas", "best", "nearest")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})

    @property
    def images(self) -> int:
        return len(self.counts)

    @property
    def proposals(self) -> int:
        return int(self.counts.sum())

    @property
    def per_image(self) -> float:
        """Mean number of proposals of an image."""
        return _mean(self.counts)

    def per_image_within(self, budget: int) -> float:
        """The same, where no more than the first ``budget`` of an image are taken."""
        return _mean(np.minimum(self.counts, budget))

    def of_class(self, label: int) -> Coverage:
        """The coverage of the objects of one class."""
        return self[self.labels == label]

    def recall(self, overlap: float, column: int = -1) -> float:
        """Share of the objects covered at ``overlap`` by the boxes of a column of ``best``."""
        return _mean(self.best[:, column] >= np.float32(overlap))  # float32 0.7 lies below 0.7

    def average_recall(self, column: int = -1) -> float:
        """Mean recall over ``OVERLAPS`` with the boxes of a column of ``best``."""
        return _mean(np.array([self.recall(overlap, column) for overlap in OVERLAPS]))

    def average_best_overlap(self, column: int = -1) -> float:
        """ABO with the boxes of a column of ``best``."""
        return _mean(self.best[:, column])

    def mean_average_best_overlap(self, column: int = -1) -> float:
        """MABO over the classes that have objects."""
        classes = [self.of_class(label) for label in np.unique(self.labels)]
        return _mean(np.array([one.average_best_overlap(column) for one in classes]))


def coverage(
    images: Iterable[tuple[Proposals, Target]], class_names: Sequence[str], budgets: Sequence[int] = BUDGETS
) -> Coverage:
    """The coverage of the objects of images by their proposals, which are gone through once and not held."""
    counts: list[int] = []
    objects = [Target(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))]
    best = [np.zeros((0, len(budgets) + 1), np.float32)]
    nearest = [np.zeros((0, 4), np.float32)]
    for proposals, target in images:
        counted = target[~(target.difficult | target.crowd)]
        found = _nearest(proposals, counted, budgets)
        counts.append(len(proposals))
        objects.append(counted)
        best.append(found[0])
        nearest.append(found[1])
    return Coverage(
        tuple(class_names),
        tuple(budgets),
        counts=np.array(counts, np.int64),
        image_of=np.repeat(np.arange(len(counts)), [len(one) for one in objects[1:]]),
        labels=np.concatenate([one.labels for one in objects]),
        boxes=np.concatenate([one.boxes for one in objects]),
        areas=np.concatenate([one.areas for one in objects]),
        best=np.concatenate(best),
        nearest=np.concatenate(nearest),
    )


def _nearest(proposals: Proposals, target: Target, budgets: Sequence[int]) -> tuple[NDArray[np.float32], Boxes]:
    """(G, N + 1) best overlap with the first boxes, for each budget and for all, and (G, 4) the best box of all."""
    overlaps = np.concatenate([np.zeros((1, len(target)), np.float32), iou(proposals.boxes, target.boxes)])
    best_so_far = np.maximum.accumulate(overlaps, axis=0)  # (R + 1, G); row n: with the first n boxes
    rows = [min(budget, len(proposals)) for budget in (*budgets, len(proposals))]
    candidates = np.concatenate([np.zeros((1, 4), np.float32), proposals.boxes])
    nearest = candidates[overlaps.argmax(axis=0)]
    return np.asarray(best_so_far[rows].T, np.float32), nearest


def _mean(values: NDArray[np.number | np.bool_]) -> float:
    return float(np.mean(values, dtype=np.float64)) if len(values) else float("nan")
