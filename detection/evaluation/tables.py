"""What a protocol compares: the detections and the objects of a whole data set as columns, one a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection.structures import Detections, Target

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DetectionTable:
    """Detections in the order of the file they come from, which decides between equal scores.

    ``images`` (N,) positions in the data set; ``labels`` (N,) in [0, K); ``scores`` (N,); ``boxes`` (N, 4). Boxes are
    float64: float32 would move overlaps across the thresholds that they meet exactly.
    """

    images: Integers
    labels: Integers
    scores: Floats
    boxes: Floats

    @classmethod
    def of(cls, predictions: Sequence[Detections]) -> DetectionTable:
        """The detections of every image, in the order of the images."""
        return cls(
            _image_of_row(predictions),
            np.concatenate([np.zeros(0, np.int64), *(found.labels for found in predictions)]),
            np.concatenate([np.zeros(0), *(found.scores for found in predictions)]),
            np.concatenate([np.zeros((0, 4)), *(found.boxes for found in predictions)]),
        )

    @classmethod
    def join(cls, parts: Iterable[DetectionTable]) -> DetectionTable:
        """The rows of all parts, one part after the other."""
        each = [cls.of([]), *parts]
        return cls(
            np.concatenate([part.images for part in each]),
            np.concatenate([part.labels for part in each]),
            np.concatenate([part.scores for part in each]),
            np.concatenate([part.boxes for part in each]),
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, keep: Integers | Mask) -> DetectionTable:
        return DetectionTable(self.images[keep], self.labels[keep], self.scores[keep], self.boxes[keep])

    def in_images(self, chosen: Sequence[int]) -> DetectionTable:
        """The detections in the chosen images, which are numbered from 0 in that order."""
        numbers = np.full(max([-1, *chosen, self.images.max(initial=-1)]) + 1, -1)
        numbers[list(chosen)] = np.arange(len(chosen))
        table = self[numbers[self.images] >= 0]
        return replace(table, images=numbers[table.images])


@dataclass(frozen=True, eq=False)
class ObjectTable:
    """Annotated objects in the order of the annotation, which decides between equal overlaps.

    ``images`` (M,), ``labels`` (M,) and ``boxes`` (M, 4) as in :class:`DetectionTable`; ``ignored`` (M,): need not be
    found, and finding them is no fault (VOC's difficult objects, COCO's crowds). A box that leaves its photo is
    not cut: the devkits do not.
    """

    images: Integers
    labels: Integers
    boxes: Floats
    ignored: Mask

    @classmethod
    def of(cls, targets: Sequence[Target]) -> ObjectTable:
        """The objects of every image, in the order of the images."""
        return cls(
            _image_of_row(targets),
            np.concatenate([np.zeros(0, np.int64), *(target.labels for target in targets)]),
            np.concatenate([np.zeros((0, 4)), *(target.stated for target in targets)]),
            np.concatenate([np.zeros(0, np.bool_), *(target.difficult | target.crowd for target in targets)]),
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, keep: Integers | Mask) -> ObjectTable:
        return ObjectTable(self.images[keep], self.labels[keep], self.boxes[keep], self.ignored[keep])


def tables(
    predictions: Iterable[Detections] | DetectionTable, targets: Iterable[Target]
) -> tuple[DetectionTable, ObjectTable]:
    """Predictions and targets as columns; raises ``ValueError`` where they are not of the same images."""
    targets = list(targets)
    if isinstance(predictions, DetectionTable):
        beyond = predictions.images[predictions.images >= len(targets)]
        if len(beyond):
            raise ValueError(f"a detection lies in image {beyond[0]}, but there are targets for {len(targets)} images")
        return predictions, ObjectTable.of(targets)
    predictions = list(predictions)
    if len(predictions) != len(targets):
        raise ValueError(f"predictions for {len(predictions)} images, targets for {len(targets)}")
    return DetectionTable.of(predictions), ObjectTable.of(targets)


def _image_of_row(images: Sequence[Detections] | Sequence[Target]) -> Integers:
    return np.repeat(np.arange(len(images)), [len(image) for image in images])
