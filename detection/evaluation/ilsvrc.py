"""The ILSVRC detection protocol; what it does is in the table of :mod:`detection.evaluation.matching`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from detection.converters.rows import text_lines
from detection.evaluation.average_precision import area_under_envelope
from detection.evaluation.judgement import judge
from detection.evaluation.naming import ClassNames, some
from detection.evaluation.protocol import Rules
from detection.evaluation.result import Evaluation
from detection.evaluation.tables import DetectionTable, Floats, tables
from detection.structures import Detections, Target


def lenient_bars(boxes: Floats) -> Floats:
    """The overlap each object asks for, lower for small ones: five pixels off on every side pass (M, 4) -> (M,)."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    return np.asarray(np.minimum(0.5, width * height / ((width + 10) * (height + 10))))


ILSVRC = Rules("ilsvrc", lenient_bars, best_free=True, ties_by_image=True, average_precision=area_under_envelope)


def read_blacklist(path: Path, ids: Sequence[str], classes: ClassNames) -> list[tuple[str, int]]:
    """The (image, label) pairs of a file of lines ``<image number> <WordNet id>``; the first of ``ids`` is number 1.

    Raises ``FileNotFoundError``, and ``ValueError`` naming file and line, or where there is no line.
    """
    pairs = []
    for number, line in text_lines(path):
        index, _, name = line.strip().partition(" ")
        label = classes.label(name)
        if not index.isdecimal() or not 1 <= int(index) <= len(ids):
            raise ValueError(f"{path}:{number}: expected an image number of 1 to {len(ids)}, got {line.strip()[:60]!r}")
        if label is None:
            raise ValueError(f"{path}:{number}: class {name!r} is not in the data set; it has: {some(classes.names)}")
        pairs.append((ids[int(index) - 1], label))
    if not pairs:
        raise ValueError(f"{path}: lists no image")
    return pairs


def ilsvrc(
    predictions: Iterable[Detections] | DetectionTable,
    targets: Iterable[Target],
    class_names: Sequence[str],
    blacklist: Collection[tuple[int, int]] = (),
) -> Evaluation:
    """Average precision as ILSVRC 2013 on measure it; images in the order of the image list in both.

    ``blacklist`` holds (image, label) pairs, both from 0, that count neither for nor against a detector. Raises
    ``ValueError`` where the images do not correspond or a label is not of ``class_names``.
    """
    return judge(ILSVRC, *tables(predictions, targets), class_names, blacklist=blacklist).evaluation()
