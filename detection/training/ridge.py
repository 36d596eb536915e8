"""Ridge regression a class, from sums that a stream of photos adds up (R-CNN, appendix C)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class RidgeSums:
    """All that a ridge regression of each class needs of its pairs: X'X, X'Y, the sum of Y, and how many there are.

    R-CNN fits offsets less their mean, whitened, and adds a constant feature whose weight is penalised as all others
    (``rcnn_train_bbox_regressor.m``). Whitening is left out: with one lambda, weights are linear in the targets, and
    turning predictions back undoes it exactly.
    """

    def __init__(self, num_classes: int, width: int) -> None:
        self.grams = np.zeros((num_classes, width + 1, width + 1))
        self.products = np.zeros((num_classes, width + 1, 4))
        self.targets = np.zeros((num_classes, 4))
        self.counts = np.zeros(num_classes, np.int64)
        self.norms = 0.0

    def add(self, features: NDArray[np.float32], targets: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        """Pairs of features (N, D) and offsets (N, 4), each of the class ``labels`` (N,)."""
        for k in np.unique(labels):
            mine = labels == k
            x = np.append(features[mine], np.ones((mine.sum(), 1)), axis=1)
            self.grams[k] += x.T @ x
            self.products[k] += x.T @ targets[mine]
            self.targets[k] += targets[mine].sum(axis=0)
            self.counts[k] += mine.sum()
        self.norms += float(np.linalg.norm(features, axis=1).sum())

    def scale(self, norm: float) -> float:
        """What brings the features of all pairs to a mean norm."""
        return norm * float(self.counts.sum()) / self.norms if self.norms else 1.0

    def solve(self, ridge: float, scale: float) -> tuple[Numbers, Numbers]:
        """Weights (K, 4, D) for features times ``scale``, and biases (K, 4); zeros for a class without pairs."""
        weights, biases = [], []
        by = np.append(np.full(self.grams.shape[1] - 1, scale), 1.0)
        for gram, product, total, count in zip(self.grams, self.products, self.targets, self.counts, strict=True):
            mean = total / max(1, int(count))
            centred = (product - np.outer(gram[:, -1], mean)) * by[:, None]  # the last column: the sums of X
            found = np.linalg.solve(gram * np.outer(by, by) + ridge * np.eye(len(gram)), centred)  # (D + 1, 4)
            weights.append(found[:-1].T)
            biases.append(found[-1] + mean)
        return np.stack(weights), np.stack(biases)
