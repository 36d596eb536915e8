"""A run's detections on the screen: the first photos as a table, and the sum over all."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rich.table import Table

from detection.command_line import printable, table
from detection.results import ImageDetections

ROWS = 40


def summarise(records: Iterable[ImageDetections], threshold: float) -> tuple[Table, list[str]]:
    """A table of the first ``ROWS`` photos, and the lines to stand below it; what scores less is not counted."""
    shown = table("photo", f"detections that score {threshold:g} or more", "seconds")
    shown.columns[1].justify = "left"
    photos, detections, late, seconds = 0, 0, 0, 0.0
    for record in records:
        rows = np.flatnonzero(record.scores >= threshold)
        photos, detections, seconds = photos + 1, detections + len(rows), seconds + record.seconds
        late += record.fallback is not None
        if photos <= ROWS:
            best_first = rows[np.argsort(-record.scores[rows], kind="stable")]
            found = ", ".join(f"{record.labels[row]} {record.scores[row]:.2f}" for row in best_first) or "-"
            shown.add_row(printable(record.id), printable(found), f"{record.seconds:.2f}")
    more = [f"... and {photos - ROWS:,} photos more"] if photos > ROWS else []
    if late:
        more.append(f"{late:,} photos took too long: their regions come from a fallback")
    mean = seconds / max(photos, 1)
    return shown, [*more, f"{detections:,} detections in {photos:,} photos, {mean:.2f} seconds a photo"]
