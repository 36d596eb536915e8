"""What keeps average precision from 1: six kinds of error, and what mending each of them alone would gain.

The kinds are those of TIDE (Bolya et al., arXiv 2008.08115), with the protocol's own matching and each object's own bar
in place of an overlap of .5; an overlap below .1 is background. A false detection has the first kind that fits:

| kind           | the false detection                                          | mended                            |
|----------------|--------------------------------------------------------------|-----------------------------------|
| localisation   | overlaps objects of its class, but passes the bar of none    | it finds the nearest of them      |
| classification | passes the bar of an object of another class                 | it has that class, and finds it   |
| duplicate      | passes the bar of an object of its class that is taken       | it is gone                        |
| background     | overlaps no object                                           | it is gone                        |
| both           | overlaps an object of another class, below the bar           | it is gone                        |

An object is *missed* where neither a right detection nor one to be mended found it; mended, it need not be found. Of
several detections mended to one object the best ranked finds it and the others are gone, as all are if it was found.
Ignored objects explain no error, and ignored detections are none.

Counts are those of the authors' tool (tidecv 1.0.1) where the rules are COCO's and no object is ignored. Known
deviation: there an object is served by the best of all detections to be mended to it, so that mending classification
alone takes away those that a better ranked localisation error would have beaten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.judgement import Judgement, average_precision, mean_of_defined
from detection.evaluation.matching import (
    FALSE_POSITIVE,
    IGNORED,
    NO_OBJECT,
    TRUE_POSITIVE,
    iou_of_pairs,
    overlapping_pairs,
)
from detection.evaluation.protocol import rows_by_label
from detection.evaluation.result import or_none
from detection.evaluation.tables import Floats, Integers, Mask

LOCALISATION, CLASSIFICATION, DUPLICATE, BACKGROUND, BOTH = KINDS = range(5)
KIND_NAMES = ("localisation", "classification", "duplicate", "background", "both")
NO_ERROR = -1
BACKGROUND_BELOW = 0.1


@dataclass(frozen=True, eq=False)
class Line:
    """How often one kind occurs, and what mending it alone adds to mean AP."""

    count: int
    gain: float


@dataclass(frozen=True, eq=False)
class ErrorBudget:
    """Counts and gains: ``errors`` has the five kinds and "missed" by name.

    Where proposals are known, there are "missed: no proposal", which no classifier could have found, and
    "missed: classifier", which together are "missed". The latter may not have been shown to the network at all: which
    proposals a detector's ranking selected is not known here.

    ``kinds`` (N,): each detection's kind, an index of ``KIND_NAMES``, or -1; ``targets`` (N,): the row of the object
    that it is mended to, or -1; ``missed`` (M,): the missed objects.
    """

    errors: Mapping[str, Line]
    kinds: NDArray[np.int8]
    targets: Integers
    missed: Mask

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {name: {"count": error.count, "gain": or_none(error.gain)} for name, error in self.errors.items()}


def error_budget(judgement: Judgement, proposals: Mapping[int, Floats] | None = None) -> ErrorBudget:
    """Counts and gains of every kind of error; ``proposals`` maps an image's position to boxes (R, 4).

    Raises ``ValueError`` where an image with missed objects has no entry there.
    """
    kinds, targets = _classify(judgement)
    finders = _finders(judgement, targets, np.isin(kinds, (LOCALISATION, CLASSIFICATION)))
    missed = judgement.sought & ~judgement.found
    missed[targets[finders]] = False
    before = judgement.average_precisions
    errors = {}
    for kind, name in enumerate(KIND_NAMES):
        after = mended(judgement, kinds, targets, [kind])
        errors[name] = Line(int((kinds == kind).sum()), mean_of_defined(after - before))
    parts = {"missed": missed}
    if proposals is not None:
        reached = _reached(judgement, missed, proposals)
        parts |= {"missed: no proposal": missed & ~reached, "missed: classifier": missed & reached}
    for name, part in parts.items():
        after = mended(judgement, kinds, targets, [], part)
        errors[name] = Line(int(part.sum()), mean_of_defined(after - before))
    return ErrorBudget(errors, kinds, targets, missed)


def mended(
    judgement: Judgement, kinds: NDArray[np.int8], targets: Integers, which: list[int], missed: Mask | None = None
) -> Floats:
    """Average precision of every class, (K,), with the kinds ``which`` mended and the objects ``missed`` not sought.

    A class in which nothing is left to find has 1 if nothing is found wrongly in it, and 0 otherwise.
    """
    wrong = np.isin(kinds, which)
    finders = _finders(judgement, targets, wrong)
    verdicts = np.where(wrong, np.int8(IGNORED), judgement.verdicts)
    verdicts[finders] = TRUE_POSITIVE
    labels = judgement.detections.labels.copy()
    labels[finders] = judgement.objects.labels[targets[finders]]
    positives = judgement.positives
    gone = np.zeros(0, np.int64) if missed is None else judgement.objects.labels[missed]
    left = positives - np.bincount(gone, minlength=len(positives))
    ranked = verdicts[judgement.ranking]
    result = np.full(len(positives), np.nan)
    for label, rows in enumerate(rows_by_label(labels[judgement.ranking], len(positives))):
        if left[label]:
            result[label] = average_precision(judgement.rules, ranked[rows], int(left[label]))
        elif positives[label]:
            result[label] = float(not (ranked[rows] == FALSE_POSITIVE).any())
    return result


def _classify(judgement: Judgement) -> tuple[NDArray[np.int8], Integers]:
    """The kind of every detection, (N,), and the object to mend it to, (N,)."""
    wrong = np.flatnonzero(judgement.verdicts == FALSE_POSITIVE)
    sought = np.flatnonzero(judgement.sought)
    detections, objects = judgement.detections[wrong], judgement.objects[sought]
    bars = judgement.rules.bars(objects.boxes)
    kinds = np.full(len(wrong), BACKGROUND, np.int8)
    targets = np.full(len(wrong), NO_OBJECT, np.int64)
    for rows, choices, overlaps in overlapping_pairs(detections, objects):
        same = detections.labels[rows] == objects.labels[choices]
        passed = overlaps >= bars[choices]
        near = overlaps >= BACKGROUND_BELOW
        kinds[rows[near | passed]] = BOTH
        kinds[rows[same & passed]] = DUPLICATE
        _put(kinds, targets, CLASSIFICATION, rows, sought[choices], ~same & passed)
        on_its_class = np.isin(rows, rows[same & passed])
        _put(kinds, targets, LOCALISATION, rows, sought[choices], same & near & ~on_its_class)
    all_kinds = np.full(len(judgement.detections), NO_ERROR, np.int8)
    all_targets = np.full(len(judgement.detections), NO_OBJECT, np.int64)
    all_kinds[wrong] = kinds
    all_targets[wrong] = targets
    return all_kinds, all_targets


def _put(kinds: NDArray[np.int8], targets: Integers, kind: int, rows: Integers, objects: Integers, fits: Mask) -> None:
    """Give the detections of the pairs that fit this kind and their first, nearest, object."""
    row, first = np.unique(rows[fits], return_index=True)
    kinds[row] = kind
    targets[row] = objects[fits][first]


def _finders(judgement: Judgement, targets: Integers, wrong: Mask) -> Integers:
    """Of the detections ``wrong`` (N,) those that find an object when mended: the best ranked of each not yet found."""
    mendable = wrong & (targets != NO_OBJECT)
    rows = judgement.ranking[mendable[judgement.ranking]]
    rows = rows[~judgement.found[targets[rows]]]
    first = np.unique(targets[rows], return_index=True)[1]
    return np.asarray(rows[first])


def _reached(judgement: Judgement, objects: Mask, proposals: Mapping[int, Floats]) -> Mask:
    """Which of these objects a proposal overlaps as far as the object asks, (M,)."""
    table, reached = judgement.objects, np.zeros(len(judgement.objects), np.bool_)
    bars = judgement.rules.bars(table.boxes)
    for row in np.flatnonzero(objects).tolist():
        image = int(table.images[row])
        if image not in proposals:
            raise ValueError(f"image {image} has missed objects, but no proposals are given for it")
        boxes = np.asarray(proposals[image], np.float64).reshape(-1, 4)
        overlaps = iou_of_pairs(boxes, np.broadcast_to(table.boxes[row], boxes.shape))
        reached[row] = overlaps.max(initial=0) >= bars[row]
    return reached
