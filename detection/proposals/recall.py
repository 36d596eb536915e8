"""How many objects proposals cover, and how well: what a detector of regions cannot do better than.

An object is covered at an overlap (IoU) if a proposal overlaps it so much; the average best overlap (ABO) is the mean,
over the objects, of the best overlap with a proposal, and MABO the mean of the classes' ABO (Uijlings et al., IJCV
2013, section 5). Objects marked difficult or crowd are not counted. What has no objects is ``nan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.boxes import iou
from detection.structures import Proposals, Target

BUDGETS = (100, 300, 1000, 2000)


@dataclass(frozen=True)
class Coverage:
    """The best overlap of each of ``G`` objects with the first boxes of its image.

    ``best`` (G, N): with the first ``budgets[n]`` boxes, and in the last column with all of them; ``labels`` (G,).
    """

    class_names: tuple[str, ...]
    budgets: tuple[int, ...]
    labels: NDArray[np.int64]
    best: NDArray[np.float32]
    images: int
    proposals: int

    @property
    def per_image(self) -> float:
        """Mean number of proposals of an image."""
        return self.proposals / self.images if self.images else float("nan")

    def of_class(self, label: int) -> Coverage:
        """The coverage of the objects of one class."""
        keep = self.labels == label
        return Coverage(self.class_names, self.budgets, self.labels[keep], self.best[keep], self.images, self.proposals)

    def recall(self, overlap: float, column: int = -1) -> float:
        """Share of the objects covered at ``overlap`` by the boxes of a column of ``best``."""
        return _mean(self.best[:, column] >= overlap)

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
    """The coverage of the objects of images by their proposals, which are gone through once."""
    labels = [np.zeros(0, np.int64)]
    best = [np.zeros((0, len(budgets) + 1), np.float32)]
    count = proposal_count = 0
    for proposals, target in images:
        counted = target[~(target.difficult | target.crowd)]
        labels.append(counted.labels)
        best.append(_best_overlaps(proposals, counted, budgets))
        count += 1
        proposal_count += len(proposals)
    return Coverage(
        tuple(class_names), tuple(budgets), np.concatenate(labels), np.concatenate(best), count, proposal_count
    )


def _best_overlaps(proposals: Proposals, target: Target, budgets: Sequence[int]) -> NDArray[np.float32]:
    """(G, N + 1) best overlap with the first boxes, for each budget and for all."""
    overlaps = np.concatenate([np.zeros((1, len(target)), np.float32), iou(proposals.boxes, target.boxes)])
    best_so_far = np.maximum.accumulate(overlaps, axis=0)  # (R + 1, G); row n: with the first n boxes
    rows = [min(budget, len(proposals)) for budget in (*budgets, len(proposals))]
    return np.asarray(best_so_far[rows].T, np.float32)


def _mean(values: NDArray[np.floating | np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
