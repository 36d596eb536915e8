"""Which detections of a data set are right under a protocol: what every analysis of a result starts from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detection.evaluation.average_precision import recall_precision
from detection.evaluation.matching import (
    FALSE_POSITIVE,
    IGNORED,
    NO_OBJECT,
    TRUE_POSITIVE,
    Verdicts,
    match,
    overlapping_pairs,
    rank,
)
from detection.evaluation.protocol import Rules, check_labels, listed, rows_by_label
from detection.evaluation.result import ClassResult, Evaluation
from detection.evaluation.tables import DetectionTable, Floats, Integers, Mask, ObjectTable


@dataclass(frozen=True, eq=False)
class Judgement:
    """The verdict on every detection of a data set, in the order of ``detections``.

    ``verdicts`` (N,); ``met`` (N,): the row in ``objects`` of the object that a detection met, or -1; ``ranking`` (N,):
    rows by falling score, ties as ``rules`` break them, which is the ranking inside each class too; ``sought`` (M,):
    the objects to find, which are neither ignored nor blacklisted. ``blacklist``, ``crowd`` and ``most`` are those of
    :func:`judge`.
    """

    rules: Rules
    class_names: tuple[str, ...]
    detections: DetectionTable
    objects: ObjectTable
    verdicts: Verdicts
    met: Integers
    ranking: Integers
    sought: Mask
    blacklist: frozenset[tuple[int, int]] = frozenset()
    crowd: Mask | None = None
    most: int | None = None

    @property
    def positives(self) -> Integers:
        """Objects to find of every class, (K,)."""
        return np.bincount(self.objects.labels[self.sought], minlength=len(self.class_names))

    @property
    def found(self) -> Mask:
        """Which objects are found, (M,)."""
        found = np.zeros(len(self.objects), np.bool_)
        found[self.met[self.verdicts == TRUE_POSITIVE]] = True
        return found

    @property
    def ranked_by_class(self) -> list[Integers]:
        """The rows of every class in ranking order."""
        rows = rows_by_label(self.detections.labels[self.ranking], len(self.class_names))
        return [self.ranking[of_class] for of_class in rows]

    @property
    def average_precisions(self) -> Floats:
        """Of every class, (K,); ``nan`` where there is nothing to find."""
        ranked = (self.verdicts[rows] for rows in self.ranked_by_class)
        each = zip(ranked, self.positives.tolist(), strict=True)
        return np.array([average_precision(self.rules, verdicts, positives) for verdicts, positives in each])

    @property
    def mean_ap(self) -> float:
        """``nan`` where no class has an object."""
        return mean_of_defined(self.average_precisions)

    def evaluation(self) -> Evaluation:
        """The figures and the curve of every class."""
        classes = zip(self.class_names, self.ranked_by_class, self.positives.tolist(), strict=True)
        results = {name: class_result(self.rules, self.verdicts[rows], positives) for name, rows, positives in classes}
        return Evaluation(self.rules.name, results)


def judge(
    rules: Rules,
    detections: DetectionTable,
    objects: ObjectTable,
    class_names: Sequence[str],
    *,
    blacklist: Collection[tuple[int, int]] = (),
    crowd: Mask | None = None,
    most: int | None = None,
) -> Judgement:
    """The verdicts under ``rules``.

    ``blacklist`` holds (image, label) pairs that count neither for nor against. With ``crowd`` (M,) ignored objects are
    COCO's: a detection takes a real object first; a crowd excuses all that lies in it by half, any other ignored object
    one detection. ``most`` detections of an image and class count, the others are ignored. Raises ``ValueError`` for a
    label outside the classes.
    """
    check_labels(class_names, detections.labels, objects.labels)
    ranking = rank(detections, ties_by_image=rules.ties_by_image)
    known = ~listed(objects, blacklist, len(class_names))
    sought = known & ~objects.ignored
    excused = listed(detections, blacklist, len(class_names))
    if most is not None:
        excused |= _beyond(most, detections, ranking)
    counted = ranking[~excused[ranking]]
    verdicts = np.full(len(detections), IGNORED, np.int8)
    met = np.full(len(detections), NO_OBJECT, np.int64)
    # with COCO's ignored objects the real ones are matched alone; of equal overlaps it takes the one annotated last
    rows = np.flatnonzero(known) if crowd is None else np.flatnonzero(sought)[::-1]
    verdicts[counted], met[counted] = _match(rules, detections[counted], objects, rows)
    if crowd is not None:
        wrong = counted[verdicts[counted] == FALSE_POSITIVE]
        met[wrong] = _excused(rules, detections[wrong], objects, np.flatnonzero(known & objects.ignored), crowd)
        verdicts[wrong[met[wrong] != NO_OBJECT]] = IGNORED
    names = tuple(class_names)
    return Judgement(
        rules, names, detections, objects, verdicts, met, ranking, sought, frozenset(blacklist), crowd, most
    )


def class_result(rules: Rules, verdicts: Verdicts, positives: int) -> ClassResult:
    """Of one class, from its verdicts in ranking order."""
    recall, precision = recall_precision(verdicts, positives)
    ap = float(rules.average_precision(recall, precision)) if positives else float("nan")
    return ClassResult(ap, positives, recall, precision)


def average_precision(rules: Rules, verdicts: Verdicts, positives: int) -> float:
    """Of one class, from its verdicts in ranking order; ``nan`` without an object to find."""
    return class_result(rules, verdicts, positives).ap


def mean_of_defined(values: Floats) -> float:
    """The mean without ``nan``, which is ``nan`` where nothing is left."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _match(rules: Rules, ranked: DetectionTable, objects: ObjectTable, rows: Integers) -> tuple[Verdicts, Integers]:
    """Verdicts on ranked detections of all classes, and the rows of the objects they met among ``rows``."""
    chosen = objects[rows]
    bars = rules.bars(chosen.boxes)
    matches = match(*_one_class(ranked, chosen), bars, best_free=rules.best_free)
    return matches.verdicts, np.append(rows, NO_OBJECT)[matches.objects]  # a place of -1 is the last


def _excused(rules: Rules, wrong: DetectionTable, objects: ObjectTable, ignored: Integers, crowd: Mask) -> Integers:
    """The row of the ignored object that excuses each of the false detections, or -1, as COCO has it."""
    crowds, others = ignored[crowd[ignored]], ignored[~crowd[ignored]]
    met = np.full(len(wrong), NO_OBJECT, np.int64)
    for detection, place, _ in overlapping_pairs(*_one_class(wrong, objects[crowds])):
        inside = _share_inside(wrong.boxes[detection], objects.boxes[crowds[place]]) >= 0.5
        met[detection[inside]] = crowds[place[inside]]
    alone = np.flatnonzero(met == NO_OBJECT)
    takable = replace(objects, ignored=np.zeros(len(objects), np.bool_))
    _, met[alone] = _match(rules, wrong[alone], takable, others)
    return met


def _one_class(ranked: DetectionTable, objects: ObjectTable) -> tuple[DetectionTable, ObjectTable]:
    """The same with an image and a class as one image: classes do not see one another and are matched in one go."""
    classes = max(ranked.labels.max(initial=0), objects.labels.max(initial=0)) + 1
    return (
        replace(ranked, images=ranked.images * classes + ranked.labels),
        replace(objects, images=objects.images * classes + objects.labels),
    )


def _share_inside(boxes: Floats, others: Floats) -> Floats:
    """The part of each box that lies in the other, row by row: (P, 4), (P, 4) -> (P,)."""
    sides = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    return np.asarray(sides.prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def _beyond(most: int, detections: DetectionTable, ranking: Integers) -> Mask:
    """Which detections rank behind the first ``most`` of their image and class: (N,)."""
    groups = np.stack([detections.images[ranking], detections.labels[ranking]])
    order = np.lexsort(groups)
    first = np.flatnonzero(np.diff(groups[:, order], axis=1, prepend=-1).any(axis=0))
    place = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    beyond = np.zeros(len(order), np.bool_)
    beyond[ranking[order]] = place >= most
    return beyond
