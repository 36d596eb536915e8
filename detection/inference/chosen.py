"""The classes that someone wants to see: of a run's detections, which keep all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from detection.datasets.base import did_you_mean
from detection.results import DetectionsWriter, ImageDetections, read_detections


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
    rows = [row for row, label in enumerate(record.labels) if label in classes]
    labels = tuple(record.labels[row] for row in rows)
    return replace(record, boxes=record.boxes[rows], labels=labels, scores=record.scores[rows])


def read_only(detections: Path, classes: Collection[str]) -> Iterator[ImageDetections]:
    """Every record of a detections file with these classes alone; raises as :func:`read_detections`."""
    return (only(record, classes) for record in read_detections(detections))


@contextmanager
def file_of(detections: Path, classes: Collection[str]) -> Iterator[Path]:
    """A detections file with these classes alone, for what reads it more than once; it is gone afterwards."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "detections.jsonl")
        with DetectionsWriter(path) as writer:
            for record in read_only(detections, classes):
                writer.write(record)
        yield path
