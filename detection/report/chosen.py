"""What someone wants to see of a run's detections: photos and classes; the file keeps all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detection.datasets.base import did_you_mean
from detection.results import ImageDetections, read_detections


def chosen_classes(asked: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The classes of a list such as ``cat,person``, in the order of ``known``; all where none is asked for.

    Raises ``ValueError`` for a name that is not known.
    """
    if asked is None:
        return tuple(known)
    names = [name.strip() for name in asked.split(",")]
    for name in names:
        if name not in known:
            raise ValueError(f"--classes {asked}: no class {name!r}; {did_you_mean(name, known)}")
    return tuple(name for name in known if name in names)


def only(record: ImageDetections, classes: Collection[str]) -> ImageDetections:
    """The record with the detections of these classes alone."""
    if all(label in classes for label in record.labels):
        return record
    rows = [row for row, label in enumerate(record.labels) if label in classes]
    labels = tuple(record.labels[row] for row in rows)
    return replace(record, boxes=record.boxes[rows], labels=labels, scores=record.scores[rows])


@dataclass(frozen=True)
class Chosen:
    """The records of a detections file that are of some photos, by id, with the detections of some classes alone.

    To be gone through as often as wanted; raises as :func:`read_detections`.
    """

    detections: Path
    photos: Collection[str]
    classes: Collection[str]

    def __iter__(self) -> Iterator[ImageDetections]:
        return (only(record, self.classes) for record in read_detections(self.detections) if record.id in self.photos)
