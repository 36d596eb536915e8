"""The regions that a run trains on, kept in its folder: a resumed run has them without choosing them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detection.boxes import Boxes
from detection.converters.whole_file import whole_path


def save_regions(path: Path, key: str, regions: Sequence[Boxes]) -> None:
    """Write the regions (R, 4) of every photo; ``key`` is all that they depend on."""
    counts = np.array([len(boxes) for boxes in regions], np.int64)
    with whole_path(path) as part, part.open("wb") as file:
        np.savez(file, key=np.array(key), counts=counts, boxes=np.concatenate([np.zeros((0, 4), np.float32), *regions]))


def read_regions(path: Path, key: str) -> list[Boxes] | None:
    """The regions of every photo; ``None`` where there are none, or ones that depend on something else."""
    if not path.exists():
        return None
    with np.load(path) as stored:
        if "key" not in stored or str(stored["key"]) != key:
            return None
        return np.split(stored["boxes"], np.cumsum(stored["counts"])[:-1])
