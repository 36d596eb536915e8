"""Which detections are right: one greedy matcher, and the table of what the protocols do differently.

|                      | ILSVRC                      | VOC07                     | VOC10        |
|----------------------|-----------------------------|---------------------------|--------------|
| overlap asked for    | per object, .5 at most      | .5                        | .5           |
| a detection takes    | the best object still free  | its best object; if that  | as VOC07     |
|                      | whose own bar it passes     | is taken, it is false     |              |
| neither right, wrong | (image, class) blacklisted; | the object it takes is    | as VOC07     |
|                      | its data has no difficult   | difficult                 |              |
|                      | objects, others' as VOC07   |                           |              |
| equal scores         | by image, then file order   | by file order             | as VOC07     |
| average precision    | area under the envelope     | 11 recall points          | area         |
| headline             | mean and median             | mean                      | mean         |

Common to all: detections by falling score; an overlap equal to the bar is enough; of equal overlaps the object that is
annotated first; no cap on detections. The devkits count pixels inclusively, the "+ 1" of their formulas, which is plain
half-open geometry here (:mod:`detection.boxes`).

Known deviations: a class without an object to find has no average precision (``nan``) and no part in the mean, where
the devkits answer 0 or NaN; a class whose detections are all ignored has 0, where the devkit of VOC2007 answers NaN.

Sources: VOCevaldet.m and VOCap.m of VOC2007 and VOC2012, eval_detection.m of ILSVRC 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.tables import DetectionTable, Floats, Integers, ObjectTable

Verdicts = NDArray[np.int8]  # one a detection: 1 right, 0 wrong, -1 neither
TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1
NO_OBJECT = -1


@dataclass(frozen=True, eq=False)
class Matches:
    """``verdicts`` (N,) on the detections, and ``objects`` (N,): the row of the object that each one met, or -1."""

    verdicts: Verdicts
    objects: Integers


def rank(detections: DetectionTable, *, ties_by_image: bool) -> Integers:
    """Rows by falling score; equal scores by row, or by image and then by row: (N,)."""
    tie = detections.images if ties_by_image else np.zeros(len(detections))
    return np.lexsort((tie, -detections.scores))


def match(detections: DetectionTable, objects: ObjectTable, bars: Floats, *, best_free: bool) -> Matches:
    """Match detections of one class, ranked, to the objects of that class.

    ``bars`` (M,) is the overlap that each object asks for. With ``best_free`` a detection takes the best object that is
    still free and whose bar it passes; without, the object it overlaps most decides, free or not. A detection that
    meets an ignored object is ignored too, and the object stays free.
    """
    verdicts = np.full(len(detections), FALSE_POSITIVE, np.int8)
    met = np.full(len(detections), NO_OBJECT, np.int64)
    free = [True] * len(objects)
    candidates, choices, overlaps = _overlapping_pairs(detections, objects)
    enough = overlaps >= bars[choices]
    if not best_free:
        enough &= np.diff(candidates, prepend=-1) > 0  # the first pair of a detection is its best
    for row, choice in zip(candidates[enough].tolist(), choices[enough].tolist(), strict=True):
        if met[row] == NO_OBJECT and free[choice]:
            met[row] = choice
            free[choice] = ignored = bool(objects.ignored[choice])
            verdicts[row] = IGNORED if ignored else TRUE_POSITIVE
    return Matches(verdicts, met)


def _overlapping_pairs(detections: DetectionTable, objects: ObjectTable) -> tuple[Integers, Integers, Floats]:
    """Rows of every detection and object that overlap in one image, and their overlap: (P,), (P,), (P,).

    Sorted by detection, then by falling overlap, then by object.
    """
    by_image = np.argsort(objects.images, kind="stable")
    first = np.searchsorted(objects.images[by_image], detections.images, side="left")
    count = np.searchsorted(objects.images[by_image], detections.images, side="right") - first
    rows = np.repeat(np.arange(len(detections)), count)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)  # 0, 1, ... among the image's objects
    others = by_image[np.repeat(first, count) + place]
    overlaps = _iou_of_pairs(detections.boxes[rows], objects.boxes[others])
    order = np.lexsort((others, -overlaps, rows))
    order = order[overlaps[order] > 0]
    return rows[order], others[order], overlaps[order]


def _iou_of_pairs(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union row by row: (P, 4), (P, 4) -> (P,), in float64 to meet the bars exactly."""
    sides = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    intersection = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (others[:, 2:] - others[:, :2]).prod(axis=1) - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(union), where=intersection > 0))
