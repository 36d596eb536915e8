"""The COCO protocol for boxes: pycocotools computes it, and what it does is in :mod:`detection.evaluation.matching`.

Around pycocotools, so that nothing is lost on the way: annotations are numbered from 1 (it takes one with the id 0 for
"not matched"), boxes are those that COCO's files state, to the last digit, and its printing is kept from the screen. A
difficult object, which COCO does not know, is left out of every range of areas: it need not be found, and finding it is
no fault.
"""

from __future__ import annotations

import contextlib
import gc
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from detection.evaluation.average_precision import recall_precision
from detection.evaluation.matching import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE
from detection.evaluation.protocol import check_labels
from detection.evaluation.result import ClassResult, Evaluation
from detection.evaluation.tables import DetectionTable, Floats, Integers, tables
from detection.structures import Detections, Target

if TYPE_CHECKING:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

ALL, SMALL, MEDIUM, LARGE = range(4)  # of the area ranges: below 32^2, to 96^2, and above
EVERY, HALF, THREE_QUARTERS = slice(None), slice(0, 1), slice(5, 6)  # of the overlaps .50, .55, ..., .95
MOST = {1: 0, 10: 1, 100: 2}  # detections an image and class -> place among the caps
PRECISIONS = {
    "AP": (EVERY, ALL),
    "AP50": (HALF, ALL),
    "AP75": (THREE_QUARTERS, ALL),
    "APs": (EVERY, SMALL),
    "APm": (EVERY, MEDIUM),
    "APl": (EVERY, LARGE),
}
RECALLS = {"AR1": (ALL, 1), "AR10": (ALL, 10), "AR100": (ALL, 100)}
RECALLS |= {"ARs": (SMALL, 100), "ARm": (MEDIUM, 100), "ARl": (LARGE, 100)}
NOWHERE = -1.0  # an area in no range


def coco(
    predictions: Iterable[Detections] | DetectionTable, targets: Iterable[Target], class_names: Sequence[str]
) -> Evaluation:
    """Average precision over ten overlaps, and COCO's other eleven figures; images in the same order in both.

    Of equal scores those of earlier images rank first: COCO's own order of images is that of their ids. The curve of a
    class is the one at an overlap of .5, of the 100 best detections an image. Raises ``ValueError`` where the images do
    not correspond or a label is not of ``class_names``.
    """
    targets = list(targets)
    detections, objects = tables(predictions, targets)
    check_labels(class_names, detections.labels, objects.labels)
    labels = np.unique(objects.labels).tolist()  # without an object a class has no figures
    judged = _judge(detections, targets, labels) if labels else None
    results = {}
    for label, name in enumerate(class_names):
        if judged is not None and label in labels:
            results[name] = _class_result(judged, labels.index(label))
        else:
            results[name] = _without_objects(int((detections.labels == label).sum()))
    return Evaluation("coco", results)


def in_coco_order(images: Sequence[int], ids: Sequence[str]) -> list[int]:
    """Positions of images, sorted by their numbers as COCO has them; as they are, where an id is no number."""
    numbers = {image: ids[image] for image in images}
    if not all(number.isdecimal() for number in numbers.values()):
        return list(images)
    return sorted(images, key=lambda image: int(numbers[image]))


def _judge(detections: DetectionTable, targets: Sequence[Target], labels: Sequence[int]) -> COCOeval:
    """What pycocotools makes of the classes ``labels``; images are numbered by their position."""
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()), _without_collector():
        truth = _index(_annotations(targets))
        judged = COCOeval(truth, _index(_results(detections)), "bbox")
        judged.params.catIds = list(labels)
        judged.params.imgIds = sorted({*truth.imgToAnns, *np.unique(detections.images).tolist()})
        judged.evaluate()
        judged.accumulate()
    return judged


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Without garbage collection: it would walk, time and again, millions of small objects none of which is garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _index(annotations: list[dict[str, Any]]) -> COCO:
    from pycocotools.coco import COCO

    indexed = COCO()
    indexed.dataset = {"images": [], "categories": [], "annotations": annotations}  # type: ignore[typeddict-item]
    indexed.createIndex()
    return indexed


def _annotations(targets: Sequence[Target]) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    for image, target in enumerate(targets):
        decimals = target.boxes.astype(str).astype(np.float64)  # the shortest that name these float32 numbers
        boxes = (xywh(decimals) if target.xywh is None else target.xywh).tolist()
        areas = np.where(target.difficult, NOWHERE, target.areas).tolist()
        columns = zip(target.labels.tolist(), boxes, target.crowd.tolist(), areas, strict=True)
        for label, box, crowd, area in columns:
            where = {"id": len(annotations) + 1, "image_id": image, "category_id": label}
            annotations.append({**where, "bbox": box, "iscrowd": int(crowd), "area": area})
    return annotations


def _results(detections: DetectionTable) -> list[dict[str, Any]]:
    boxes = xywh(detections.boxes)
    areas = boxes[:, 2] * boxes[:, 3]
    names = ("id", "image_id", "category_id", "bbox", "score", "area")
    columns = (detections.images, detections.labels, boxes, detections.scores, areas)
    rows = zip(range(1, len(detections) + 1), *(column.tolist() for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def xywh(corners: Floats) -> Floats:
    """Corners to ``x, y, width, height``: the sides that a file stated, where it gave six decimals at most.

    ``(x + width) - x`` is ``width`` but for the last bits, which decide where an overlap or an area meets a bound.
    """
    sides = corners[:, 2:] - corners[:, :2]
    decimals = np.round(sides, 6)
    rounding = 2 * np.spacing(np.abs(corners).max(axis=1, initial=0))[:, None]
    sides = np.where(np.abs(decimals - sides) <= rounding, decimals, sides)
    return np.concatenate([corners[:, :2], sides], axis=1)


def _class_result(judged: COCOeval, row: int) -> ClassResult:
    """The class in this row of what was judged."""
    precisions = judged.eval["precision"][:, :, row]  # (overlaps, recalls, areas, caps); -1 is undefined
    recalls = judged.eval["recall"][:, row]  # (overlaps, areas, caps)
    figures = {name: _defined_mean(precisions[bars, :, area, MOST[100]]) for name, (bars, area) in PRECISIONS.items()}
    figures |= {name: _defined_mean(recalls[:, area, MOST[cap]]) for name, (area, cap) in RECALLS.items()}
    images, areas = len(judged.params.imgIds), len(judged.params.areaRng)
    first = row * areas * images  # evalImgs: class by class, area range by area range, image by image
    found = [image for image in judged.evalImgs[first : first + images] if image is not None]
    positives = sum(int((image["gtIgnore"] == 0).sum()) for image in found)
    return ClassResult(figures["AP"], positives, *_curve(found, positives), figures)


def _curve(images: Sequence[Mapping[str, Any]], positives: int) -> tuple[Floats, Floats]:
    """Recall and precision after each detection, at an overlap of .5."""
    scores = np.concatenate([np.zeros(0), *(image["dtScores"] for image in images)])
    met = np.concatenate([np.zeros(0), *(image["dtMatches"][0] for image in images)])
    ignored = np.concatenate([np.zeros(0, np.bool_), *(image["dtIgnore"][0] for image in images)])
    verdicts = np.where(ignored, IGNORED, np.where(met > 0, TRUE_POSITIVE, FALSE_POSITIVE)).astype(np.int8)
    order: Integers = np.argsort(-scores, kind="stable")
    return recall_precision(verdicts[order], positives)


def _without_objects(detections: int) -> ClassResult:
    curve = recall_precision(np.full(detections, FALSE_POSITIVE, np.int8), 0)
    return ClassResult(float("nan"), 0, *curve, dict.fromkeys([*PRECISIONS, *RECALLS], float("nan")))


def _defined_mean(values: Floats) -> float:
    return float(values.mean()) if values.min(initial=0) >= 0 else float("nan")
