"""Everything there is to say about a result, gathered for a page and for ``--json``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.bootstrap import SAMPLES, Intervals, bootstrap
from detection.evaluation.coco_half import judge_coco_half
from detection.evaluation.comparison import Comparison, compare
from detection.evaluation.confusion import Confusion, confusion
from detection.evaluation.error_budget import ErrorBudget, error_budget
from detection.evaluation.explain import Explanation, explain
from detection.evaluation.ilsvrc import ILSVRC
from detection.evaluation.judgement import Judgement, judge
from detection.evaluation.operating_points import OperatingPoint, best_f1, recall_precision_curves
from detection.evaluation.reliability import Reliability, reliability
from detection.evaluation.strata import Stratum, strata
from detection.evaluation.tables import DetectionTable, Floats, tables
from detection.evaluation.voc import VOC07, VOC10
from detection.evaluation.worst_images import ImageErrors, worst_images
from detection.structures import Detections, Target

RULES = {rules.name: rules for rules in (VOC07, VOC10, ILSVRC)}
PROTOCOLS = (*RULES, "coco")


@dataclass(frozen=True, eq=False)
class Analysis:
    """A result under one protocol, which all parts but ``explanations`` share.

    judgement       the protocol, every detection's verdict and the tables; ``mean_ap``, ``average_precisions`` (K,)
    images          how many images the data set has
    intervals       95% intervals of the mean AP and of each class's, by resampling images
    budget          the error budget: count and gain of every kind of error
    strata          recall and AP by size, shape, crowding and border
    reliability     scores against the share that is right; ``None`` where scores are no probabilities
    operating       each class's threshold with the best F1, with its precision and recall
    curves          each class's recall and precision, (P,) each: the corners of the envelope, 200 at most
    confusion       which classes are taken for which, at those thresholds
    worst           images with the most errors at those thresholds, the worst first
    explanations    what changes from this protocol to each other one that was asked for
    comparison      against another result on the same images, which is its first side; ``None`` without one
    """

    judgement: Judgement
    images: int
    intervals: Intervals
    budget: ErrorBudget
    strata: tuple[Stratum, ...]
    reliability: Reliability | None
    operating: Mapping[str, OperatingPoint]
    curves: Mapping[str, tuple[Floats, Floats]]
    confusion: Confusion
    worst: tuple[ImageErrors, ...]
    explanations: tuple[Explanation, ...]
    comparison: Comparison | None

    @property
    def protocol(self) -> str:
        return self.judgement.rules.name

    def summary(self) -> dict[str, Any]:
        """What JSON can hold, ``None`` for what is undefined; images are positions in the data set."""
        return {
            "protocol": self.protocol,
            "images": self.images,
            "intervals": self.intervals.summary(),
            "errors": self.budget.summary(),
            "strata": [stratum.summary() for stratum in self.strata],
            "reliability": self.reliability and self.reliability.summary(),
            "best_f1": {name: point.summary() for name, point in self.operating.items()},
            "curves": {
                name: {"recall": recall.tolist(), "precision": precision.tolist()}
                for name, (recall, precision) in self.curves.items()
            },
            "confusion": self.confusion.summary(),
            "worst_images": [image.summary() for image in self.worst],
            "explanations": [explanation.summary() for explanation in self.explanations],
            "comparison": self.comparison and self.comparison.summary(),
        }


@dataclass(frozen=True, eq=False)
class Extras:
    """What is known beyond detections and objects, each where it is known.

    ``sizes`` (I, 2): widths and heights of the images, ``nan`` where unknown; ``proposals``: an image's position ->
    boxes (R, 4); ``others``: the same detections under other protocols, to explain the difference; ``rival``: another
    result under the same protocol, and ``names`` what the two are called, the rival first.
    """

    sizes: Floats | None = None
    proposals: Mapping[int, Floats] | None = None
    others: Sequence[Judgement] = ()
    rival: Judgement | None = None
    names: tuple[str, str] = ("A", "B")


def judge_under(
    protocol: str,
    predictions: Iterable[Detections] | DetectionTable,
    targets: Iterable[Target],
    class_names: Sequence[str],
    blacklist: Collection[tuple[int, int]] = (),
) -> Judgement:
    """The judgement under a protocol by its name, COCO's at an overlap of .5; only ILSVRC has a blacklist.

    Raises ``ValueError`` for another name, and as :func:`detection.evaluation.tables.tables`.
    """
    targets = list(targets)
    found, objects = tables(predictions, targets)
    if protocol == "coco":
        crowd = np.concatenate([np.zeros(0, np.bool_), *(target.crowd for target in targets)])
        return judge_coco_half(found, objects, class_names, crowd)
    if protocol not in RULES:
        raise ValueError(f"no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    rules = RULES[protocol]
    return judge(rules, found, objects, class_names, blacklist=blacklist if rules is ILSVRC else ())


def analyse(
    judgement: Judgement, images: int, extras: Extras = Extras(), *, samples: int = SAMPLES, seed: int = 0
) -> Analysis:
    """All parts for one result on ``images`` images.

    Raises ``ValueError`` where the rival or another protocol's judgement is not of the same data.
    """
    operating = best_f1(judgement)
    thresholds = np.array([operating[name].threshold for name in judgement.class_names])
    rival = extras.rival
    return Analysis(
        judgement,
        images,
        bootstrap(judgement, images, samples=samples, seed=seed),
        error_budget(judgement, extras.proposals),
        strata(judgement, extras.sizes),
        reliability(judgement),
        operating,
        recall_precision_curves(judgement),
        confusion(judgement, thresholds),
        worst_images(judgement, thresholds),
        tuple(explain(judgement, other) for other in extras.others),
        compare(rival, judgement, images, names=extras.names, samples=samples, seed=seed) if rival else None,
    )
