"""A run's detections on the screen: the first photos as a table, and the sum over all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.table import Table

from detection.command_line import counted, printable, table
from detection.results import ImageDetections

ROWS = 40


def summarise(
    records: Iterable[ImageDetections], threshold: Mapping[str, float] | float, words: str | None = None
) -> tuple[Table, list[str]]:
    """A table of the first ``ROWS`` photos, and the lines to stand below it; what scores less is not counted.

    ``threshold`` is one for all, or each class's own, and ``words`` what it is called.
    """
    shown = table("photo", f"detections that score {words or f'{threshold:g}'} or more", "seconds")
    shown.columns[1].justify = "left"
    photos, detections, late, seconds = 0, 0, 0, 0.0
    for record in records:
        rows = record.best_first(threshold)
        photos, detections, seconds = photos + 1, detections + len(rows), seconds + record.seconds
        late += record.fallback is not None
        if photos <= ROWS:
            found = ", ".join(f"{record.labels[row]} {record.scores[row]:.2f}" for row in rows) or "-"
            shown.add_row(printable(record.id), printable(found), f"{record.seconds:.2f}")
    more = [f"... and {counted(photos - ROWS, 'photo')} more"] if photos > ROWS else []
    if late:
        more.append(f"{counted(late, 'photo')} took too long: the regions come from a fallback")
    mean = seconds / max(photos, 1)
    return shown, [
        *more,
        f"{counted(detections, 'detection')} in {counted(photos, 'photo')}, {mean:.2f} seconds a photo",
    ]


def failed_words(photos: int, folders: int, of: int | None = None) -> str:
    """How many photos failed, of how many where that is known, and how many folders could not be listed."""
    count = counted(photos, "photo") if of is None else f"{photos:,} of {counted(of, 'photo')}"
    listed = f"{counted(folders, 'folder')} could not be listed"
    return " and ".join([*([f"{count} failed"] if photos else []), *([listed] if folders else [])])
