"""From annotation files to targets: the step that VOC and ILSVRC share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from detection.boxes import to_one_based_inclusive
from detection.datasets.annotation_xml import Annotation
from detection.datasets.fit import Overhang, fit_boxes, warn_of_cuts
from detection.structures import Target


def make_targets(
    annotations: Sequence[Annotation], photos: Sequence[Path], labels: Mapping[str, int], slack: float = 0
) -> tuple[Target, ...]:
    """The objects whose name has a label, image by image; objects of other names are left out.

    Boxes are cut to their photo (:func:`detection.datasets.fit.fit_boxes`), and one warning counts them. The devkits do
    not cut: such photos' boxes are kept as stated, too (``xywh``).
    """
    made = [_make(annotation, photo, labels, slack) for annotation, photo in zip(annotations, photos, strict=True)]
    if annotations:
        warn_of_cuts(annotations[0].path.parent, [overhang for _, overhang in made])
    return tuple(target for target, _ in made)


def _make(annotation: Annotation, photo: Path, labels: Mapping[str, int], slack: float) -> tuple[Target, Overhang]:
    rows = [row for row, name in enumerate(annotation.names) if name in labels]

    def describe(index: int) -> str:
        row = rows[index]
        corners = ", ".join(f"{corner:g}" for corner in to_one_based_inclusive(annotation.boxes[row : row + 1])[0])
        which = f"object {annotation.numbers[row]} ({annotation.names[row]})"
        return f"{annotation.path}: {which} with the corners {corners}"

    stated = annotation.boxes[rows]
    boxes, overhang = fit_boxes(stated, annotation.size, photo, describe, slack)
    left, sides = stated[:, :2].astype(np.float64), stated[:, 2:].astype(np.float64) - stated[:, :2]
    target = Target(
        boxes,
        np.array([labels[annotation.names[row]] for row in rows], np.int64),
        np.array([annotation.difficult[row] for row in rows], np.bool_),
        xywh=np.concatenate([left, sides], axis=1) if overhang.any() else None,
    )
    return target, overhang
