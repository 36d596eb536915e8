"""How far a mean AP would move with other photos: the bootstrap over images.

A resample draws as many images as there are, with replacement. An image drawn twice counts as two copies of itself,
whose detections rank side by side: a weight of two on its detections and objects is the same. So nothing is matched
again, and the curves of many resamples are computed in one go. Right beside right is what average precision rewards:
resamples lie a little above the value, and with many classes all of them may. So the percentiles are taken from the
middle resample and laid about the value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.judgement import Judgement
from detection.evaluation.matching import IGNORED, TRUE_POSITIVE
from detection.evaluation.result import or_none
from detection.evaluation.tables import Floats, Integers

SAMPLES = 1000
TOGETHER = 100  # resamples computed in one go: a bound on memory
PERCENTILES = (2.5, 50, 97.5)


@dataclass(frozen=True)
class Interval:
    """A figure and the 95% interval around it; ``nan`` where undefined."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, samples: Floats) -> Interval:
        """``samples`` (B,): the figure in every resample, ``nan`` in those without it."""
        defined = samples[~np.isnan(samples)]
        if not len(defined):
            return cls(float(value), float("nan"), float("nan"))
        low, middle, high = np.percentile(defined, PERCENTILES).tolist()
        return cls(float(value), value - (middle - low), value + (high - middle))

    def of_a_share(self) -> Interval:
        """The same of a figure that lies in [0, 1], as a mean AP does and a difference of two does not."""
        low, high = np.clip([self.low, self.high], 0, 1).tolist()
        return Interval(self.value, low, high)

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {name: or_none(value) for name, value in vars(self).items()}


@dataclass(frozen=True, eq=False)
class Intervals:
    """Of the mean AP and of every class's AP, from this many images and resamples."""

    mean_ap: Interval
    classes: dict[str, Interval]
    images: int
    samples: int

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        classes = {name: interval.summary() for name, interval in self.classes.items()}
        counts = {"images": self.images, "samples": self.samples}
        return {**counts, "mean_ap": self.mean_ap.summary(), "classes": classes}


def bootstrap(judgement: Judgement, images: int, *, samples: int = SAMPLES, seed: int = 0) -> Intervals:
    """Intervals from resampling the ``images`` of the data set, those without objects included."""
    each = resampled(judgement, images, samples=samples, seed=seed)
    names, values = judgement.class_names, judgement.average_precisions
    classes = {name: Interval.of(values[label], each[label]).of_a_share() for label, name in enumerate(names)}
    mean_ap = Interval.of(judgement.mean_ap, mean_of_classes(each)).of_a_share()
    return Intervals(mean_ap, classes, images, samples)


def resampled(judgement: Judgement, images: int, *, samples: int = SAMPLES, seed: int = 0) -> Floats:
    """AP of every class in every resample, (K, B); the same seed draws the same images, whatever the detections."""
    parts = [weighted_average_precisions(judgement, weights) for weights in drawn(images, samples, seed)]
    return np.concatenate([np.zeros((len(judgement.class_names), 0)), *parts], axis=1)


def drawn(images: int, samples: int, seed: int) -> Iterator[Integers]:
    """How often each image is drawn in each resample, (I, b), for some resamples at a time."""
    random = np.random.default_rng(seed)
    for start in range(0, samples if images else 0, TOGETHER):
        count = min(TOGETHER, samples - start)
        chosen = random.integers(images, size=(images, count)) * count + np.arange(count)
        yield np.bincount(chosen.ravel(), minlength=images * count).reshape(images, count)


def mean_of_classes(values: Floats) -> Floats:
    """The mean over the classes that are defined, (K, B) -> (B,); ``nan`` where none is."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(values, axis=0) / np.sum(~np.isnan(values), axis=0))


def weighted_average_precisions(judgement: Judgement, weights: Integers) -> Floats:
    """AP of every class with every image counted ``weights`` (I, B) times: (K, B)."""
    result = np.full((len(judgement.class_names), weights.shape[1]), np.nan)
    for label, ranked in enumerate(judgement.ranked_by_class):
        of_class = judgement.sought & (judgement.objects.labels == label)
        positives = weights[judgement.objects.images[of_class]].sum(axis=0)  # (B,)
        rows = ranked[judgement.verdicts[ranked] != IGNORED]
        right = judgement.verdicts[rows] == TRUE_POSITIVE
        last = len(right) - int(np.argmax(right[::-1])) if right.any() else 0  # what follows cannot raise the envelope
        counted = weights[judgement.detections.images[rows[:last]]]  # (N, B)
        found = np.cumsum(counted[right[:last]], axis=0)
        total = np.cumsum(counted, axis=0)[right[:last]]
        with np.errstate(invalid="ignore"):
            measured = judgement.rules.average_precision(found / positives, found / total)
        result[label] = np.where(positives > 0, measured, np.nan)
    return result
