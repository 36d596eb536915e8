"""Which detections are right: one greedy matcher, and the table of what the protocols do differently.

|                      | ILSVRC                      | VOC07                     | VOC10 | COCO                        |
|----------------------|-----------------------------|---------------------------|-------|-----------------------------|
| overlap asked for    | per object, .5 at most      | .5                        | .5    | .5, .55, ... .95 in turn    |
| a detection takes    | the best object still free  | its best object; if that  | as 07 | the best object still free, |
|                      | whose own bar it passes     | is taken, it is false     |       | ignored ones last           |
| neither right, wrong | (image, class) blacklisted; | the object it takes is    | as 07 | the object it takes is a    |
|                      | its data has no difficult   | difficult                 |       | crowd, or of an area out of |
|                      | objects, others' as VOC07   |                           |       | range; it is so, unmatched  |
| equal scores         | by image, then file order   | by file order             | as 07 | by image, then file order   |
| equal overlaps       | the object annotated first  | as ILSVRC                 | as 07 | the one annotated last      |
| detections counted   | all                         | all                       | all   | 100 an image and class      |
| average precision    | area under the envelope     | 11 recall points          | area  | 101 recall points           |
| headline             | mean and median             | mean                      | mean  | mean over the ten overlaps  |

Common to all: detections by falling score; an overlap equal to the bar is enough; a class without an object to find has
no part in the mean. The devkits of VOC and ILSVRC count pixels inclusively, the "+ 1" of their formulas, which is plain
half-open geometry here (:mod:`detection.boxes`). The columns but the last are the matcher below; the last is
pycocotools (:mod:`detection.evaluation.coco`), in which a crowd overlaps by the part of the detection that it covers,
and may be taken by many. A box that leaves its photo counts as annotated in each of them, uncut.

Known deviations: a class without an object to find has no average precision (``nan``) and no part in the mean, where
the devkits answer 0 or NaN; a class whose detections are all ignored has 0, where the devkit of VOC2007 answers NaN; an
object of a COCO file with a side of 0, which nothing overlaps, is left out, where pycocotools counts it as missed.

Sources: VOCevaldet.m and VOCap.m of VOC2007 and VOC2012, eval_detection.m of ILSVRC 2014, cocoeval.py of pycocotools.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.tables import DetectionTable, Floats, Integers, ObjectTable

Verdicts = NDArray[np.int8]  # one a detection: 1 right, 0 wrong, -1 neither
TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1
NO_OBJECT = -1
PORTION = 1 << 20  # pairs of detection and object that are looked at together: a bound on memory


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
    for candidates, choices, overlaps in overlapping_pairs(detections, objects):
        enough = overlaps >= bars[choices]
        if not best_free:
            enough &= np.diff(candidates, prepend=-1) > 0  # the first pair of a detection is its best
        for row, choice in zip(candidates[enough].tolist(), choices[enough].tolist(), strict=True):
            if met[row] == NO_OBJECT and free[choice]:
                met[row] = choice
                free[choice] = ignored = bool(objects.ignored[choice])
                verdicts[row] = IGNORED if ignored else TRUE_POSITIVE
    return Matches(verdicts, met)


def overlapping_pairs(detections: DetectionTable, objects: ObjectTable) -> Iterator[tuple[Integers, Integers, Floats]]:
    """Rows of every detection and object that overlap in one image, and their overlap: (P,), (P,), (P,).

    Sorted by detection, then by falling overlap, then by object; in portions of whole detections.
    """
    by_image = np.argsort(objects.images, kind="stable")
    first = np.searchsorted(objects.images[by_image], detections.images, side="left")
    count = np.searchsorted(objects.images[by_image], detections.images, side="right") - first
    beside = np.flatnonzero(count)  # the detections in images that have objects
    portion = np.cumsum(count[beside]) // PORTION
    for part in np.split(beside, np.flatnonzero(np.diff(portion)) + 1):
        rows = np.repeat(part, count[part])
        place = np.arange(len(rows)) - np.repeat(np.cumsum(count[part]) - count[part], count[part])  # 0, 1, ... of each
        others = by_image[np.repeat(first[part], count[part]) + place]
        overlaps = iou_of_pairs(detections.boxes[rows], objects.boxes[others])
        order = np.lexsort((others, -overlaps, rows))
        order = order[overlaps[order] > 0]
        yield rows[order], others[order], overlaps[order]


def iou_of_pairs(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union row by row: (P, 4), (P, 4) -> (P,), in float64 to meet the bars exactly."""
    sides = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    intersection = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (others[:, 2:] - others[:, :2]).prod(axis=1) - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(union), where=intersection > 0))
