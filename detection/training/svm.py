"""Linear SVMs with hard negatives from a stream of photos (R-CNN, section 2.3 and appendix B; ``rcnn_train.m``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.kernel import kernel

Features = NDArray[np.float32]  # (N, C)
Numbers = NDArray[np.float64]
HARD, EASY = -1.0001, -1.2  # a negative above the one is kept; one below the other is dropped after a training
RETRAIN = 2000  # negatives that are new to a class
TOLERANCE, MOST_EPOCHS = 0.01, 1000


@dataclass(frozen=True)
class SvmSettings:
    """``cost`` is C; ``bias`` the value of a constant feature, so large that the bias is hardly penalised."""

    cost: float = 1e-3
    bias: float = 10.0
    positive_weight: float = 2.0


@dataclass
class LinearSvm:
    """One class against all else by the hinge loss, bias penalised: liblinear's type 3.

    ``weights`` (C + 1,): the last one is the constant feature's.
    """

    settings: SvmSettings
    weights: NDArray[np.float32]

    def margins(self, features: Features) -> NDArray[np.float32]:
        """(N, C) -> (N,)."""
        return np.asarray(features @ self.weights[:-1] + self.settings.bias * self.weights[-1], np.float32)

    def fit(self, features: Features, positive: NDArray[np.bool_], duals: Numbers) -> None:
        """Fit examples (N, C) by dual coordinate descent (Hsieh et al., ICML 2008).

        It ends after a pass in which no margin was off by more than :data:`TOLERANCE` when its turn came, or after
        :data:`MOST_EPOCHS`. What comes after an example in that pass moves its margin again: at the end one may be off
        by more, mostly by a hundredth or two (0.16 was seen). ``duals`` (N,) is where to begin and, changed in place,
        where it ended.
        """
        settings, random = self.settings, np.random.default_rng(0)
        limits = settings.cost * np.where(positive, settings.positive_weight, -1.0)
        squares = np.einsum("nc,nc->n", features, features).astype(np.float64) + settings.bias**2
        signed = duals * np.sign(limits)
        self.weights = np.append(signed @ features, settings.bias * signed.sum()).astype(np.float32)
        for _ in range(MOST_EPOCHS):
            order = random.permutation(len(features))
            worst = _descend(features, limits, squares, settings.bias, duals, self.weights, order)
            if worst < TOLERANCE:
                return


@kernel
def _descend(
    features: Features,
    limits: Numbers,
    squares: Numbers,
    bias: float,
    duals: Numbers,
    weights: NDArray[np.float32],
    order: NDArray[np.int64],
) -> float:
    """One look at every example: its dual is set to the best value from 0 to its limit, whose sign is the example's.

    Gives by how much a margin was off, at most.
    """
    channels = features.shape[1]
    worst = 0.0
    for i in order:
        sign = np.sign(limits[i])
        gradient = sign * (np.dot(weights[:channels], features[i]) + bias * weights[channels]) - 1
        best = min(max(duals[i] - gradient / squares[i], 0.0), abs(limits[i]))
        if best == duals[i]:
            continue
        worst = max(worst, abs(gradient))
        step = np.float32((best - duals[i]) * sign)
        duals[i] = best
        for channel in range(channels):
            weights[channel] += step * features[i, channel]
        weights[channels] += step * np.float32(bias)
    return worst


class HardNegatives:
    """The SVM of one class, its positives, and the negatives that were hard for it so far.

    The first :data:`RETRAIN` negatives are all taken; from then on those that the SVM of the moment does not place
    beyond its margin. The SVM is fitted again for every so many, and forgets those that have become easy.
    """

    def __init__(self, positives: Features, settings: SvmSettings) -> None:
        self.svm = LinearSvm(settings, np.zeros(positives.shape[1] + 1, np.float32))
        self.examples = [positives]
        self.positives = len(positives)
        self.duals = np.zeros(len(positives))
        self.new = 0
        self.fitted = False

    def add(self, negatives: Features) -> None:
        """Negatives (N, C) of one photo."""
        hard = negatives[self.svm.margins(negatives) > HARD] if self.fitted else negatives
        self.examples.append(hard)
        self.new += len(hard)
        if self.new >= RETRAIN:
            self.fit()

    def fit(self) -> LinearSvm:
        """Fit all that is kept, and drop what is easy."""
        features = np.concatenate(self.examples)
        duals = np.append(self.duals, np.zeros(len(features) - len(self.duals)))
        positive = np.arange(len(features)) < self.positives
        self.svm.fit(features, positive, duals)
        keep = positive | (self.svm.margins(features) >= EASY)
        self.examples, self.duals = [features[keep]], duals[keep]
        self.new, self.fitted = 0, True
        return self.svm
