"""Where a detector is weak: recall and average precision by size, shape, crowding and position of the objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.judgement import Judgement, average_precision, mean_of_defined
from detection.evaluation.matching import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, overlapping_pairs
from detection.evaluation.result import or_none
from detection.evaluation.tables import DetectionTable, Floats, Integers, Mask, ObjectTable

COCO_SIZES = ((32**2, 96**2), ("small", "medium", "large"))  # square pixels; an area on a bound is of the larger
ASPECTS = ((0.5, 0.8, 1.25, 2.0), ("very tall", "tall", "square", "wide", "very wide"))  # width / height
NEIGHBOURS = ((1, 2, 4), ("alone", "1 neighbour", "2 or 3", "4 or more"))
QUARTERS = ("smallest quarter", "second quarter", "third quarter", "largest quarter")


@dataclass(frozen=True)
class Stratum:
    """A part of the objects: how many are to be found, how many are, and the AP on this part, mean over classes.

    In the average precision of a part, objects outside it are ignored with the detections that meet them, as are false
    detections whose own box lies outside it: COCO's way with areas, but by the areas of boxes and without matching
    again. It is ``nan`` where a box alone does not tell (crowding) and where nothing is to be found.
    """

    attribute: str
    name: str
    objects: int
    found: int
    average_precision: float

    @property
    def recall(self) -> float:
        return self.found / self.objects if self.objects else float("nan")

    def summary(self) -> dict[str, Any]:
        """What JSON can hold."""
        figures = {"recall": or_none(self.recall), "average_precision": or_none(self.average_precision)}
        return {"attribute": self.attribute, "name": self.name, "objects": self.objects, "found": self.found, **figures}


def strata(judgement: Judgement, sizes: Floats | None = None) -> tuple[Stratum, ...]:
    """Every part by every attribute; ``sizes`` (I, 2) are widths and heights of the images, ``nan`` where unknown.

    The quarters are those of the objects to find, by area over all classes. An object touches the border of its image
    where less than a pixel lies between. Without any image's size there are no parts by border.
    """
    area_of_sought = _areas(judgement.objects.boxes[judgement.sought])
    quartiles = np.quantile(area_of_sought, [0.25, 0.5, 0.75]) if len(area_of_sought) else np.zeros(3)
    parts = [
        *_by_box(judgement, "area", _areas, *COCO_SIZES),
        *_by_box(judgement, "area, by quarters", _areas, tuple(quartiles.tolist()), QUARTERS),
        *_by_box(judgement, "width / height", _aspects, *ASPECTS),
        *_by_crowding(judgement),
    ]
    if sizes is not None and not np.isnan(sizes).all():
        parts += _by_border(judgement, sizes)
    return tuple(parts)


def _by_box(
    judgement: Judgement,
    attribute: str,
    measure: Callable[[Floats], Floats],
    bounds: tuple[float, ...],
    names: tuple[str, ...],
) -> Iterator[Stratum]:
    part_of_object = np.searchsorted(bounds, measure(judgement.objects.boxes), side="right")
    part_of_detection = np.searchsorted(bounds, measure(judgement.detections.boxes), side="right")
    for part, name in enumerate(names):
        yield _stratum(judgement, attribute, name, part_of_object == part, part_of_detection == part)


def _by_crowding(judgement: Judgement) -> Iterator[Stratum]:
    bounds, names = NEIGHBOURS
    part = np.searchsorted(bounds, _neighbours(judgement.objects), side="right")
    for number, name in enumerate(names):
        yield _stratum(judgement, "overlapping objects of the class", name, part == number, None)


def _by_border(judgement: Judgement, sizes: Floats) -> Iterator[Stratum]:
    objects, detections = (_touches(table, sizes) for table in (judgement.objects, judgement.detections))
    for name, touching in (("touches the border", 1.0), ("inside", 0.0)):
        yield _stratum(judgement, "border of the image", name, objects == touching, detections == touching)
    if np.isnan(objects).any():
        yield _stratum(judgement, "border of the image", "image size unknown", np.isnan(objects), np.isnan(detections))


def _stratum(judgement: Judgement, attribute: str, name: str, objects: Mask, detections: Mask | None) -> Stratum:
    """The part with these objects (M,) and false detections (N,)."""
    sought = judgement.sought & objects
    found = int((judgement.found & objects).sum())
    ap = float("nan")
    if detections is not None:
        verdicts = judgement.verdicts.copy()
        verdicts[(verdicts == FALSE_POSITIVE) & ~detections] = IGNORED
        right = np.flatnonzero(verdicts == TRUE_POSITIVE)
        verdicts[right[~objects[judgement.met[right]]]] = IGNORED
        positives = np.bincount(judgement.objects.labels[sought], minlength=len(judgement.class_names)).tolist()
        each = zip(judgement.ranked_by_class, positives, strict=True)
        ap = mean_of_defined(
            np.array([average_precision(judgement.rules, verdicts[rows], count) for rows, count in each])
        )
    return Stratum(attribute, name, int(sought.sum()), found, ap)


def _areas(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def _aspects(boxes: Floats) -> Floats:
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    return np.asarray(np.divide(width, height, out=np.full(len(boxes), np.inf), where=height > 0))


def _neighbours(objects: ObjectTable) -> Integers:
    """How many other objects of its class overlap each object, ignored ones too: (M,)."""
    classes = objects.labels.max(initial=0) + 1
    images = objects.images * classes + objects.labels
    one_class = ObjectTable(images, objects.labels, objects.boxes, objects.ignored)
    same = DetectionTable(images, objects.labels, np.zeros(len(objects)), objects.boxes)
    count = np.full(len(objects), -1)  # an object overlaps itself
    for rows, _, _ in overlapping_pairs(same, one_class):
        count += np.bincount(rows, minlength=len(objects))
    return count


def _touches(table: DetectionTable | ObjectTable, sizes: Floats) -> Floats:
    """1 where a box touches the border of its image, 0 where it does not, ``nan`` where the size is unknown: (N,)."""
    size = sizes[table.images]
    touching = (table.boxes[:, :2] < 1).any(axis=1) | (table.boxes[:, 2:] > size - 1).any(axis=1)
    return np.where(np.isnan(size).any(axis=1), np.nan, touching)
