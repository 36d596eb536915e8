"""Whether the photos and annotations of a run are those that it was begun with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from detection.datasets.base import Dataset

Facts = dict[str, Any]  # JSON
DATA = ("data", "uncounted", "validation")  # hashes, of which earlier versions had the first


def data_facts(train: Dataset, validation: Dataset | None) -> Facts:
    """What tells the photos of a run and their annotations from others."""
    return {
        "data": data_hash(train),
        "uncounted": _uncounted_hash(train),
        "validation": None if validation is None else data_hash(validation) + _uncounted_hash(validation),
        "photos": len(train),
    }


def check_data(folder: Path, before: Facts, facts: Facts) -> None:
    """Refuse other photos or annotations than those that the run in a folder was begun with: ``ValueError``.

    What the manifest of an earlier version does not have is taken to be the same.
    """
    changed = [name for name in DATA if name in before and before[name] != facts.get(name)]
    if changed == ["validation"]:
        raise ValueError(f"{folder} was begun with other photos or annotations to validate on: choose another --out")
    if changed:
        raise ValueError(
            f"{folder} was begun with other photos or annotations than those of {facts['source']} "
            f"({before['photos']} photos then, {facts['photos']} now): choose another --out"
        )


def data_hash(dataset: Dataset) -> str:
    """What tells one training set from another: ids, classes and boxes, not pixels (16 hexadecimal digits)."""
    digest = hashlib.sha256("\n".join(dataset.class_names).encode())
    for index, image_id in enumerate(dataset.ids):
        target = dataset.target(index)
        digest.update(image_id.encode())
        digest.update(target.boxes.tobytes())
        digest.update(target.labels.tobytes())
        digest.update(b"partial" * target.partial)
    return digest.hexdigest()[:16]


def _uncounted_hash(dataset: Dataset) -> str:
    """What tells which objects of a data set are difficult or crowds (16 hexadecimal digits)."""
    digest = hashlib.sha256()
    for target in map(dataset.target, range(len(dataset))):
        digest.update(target.difficult.tobytes() + target.crowd.tobytes())
    return digest.hexdigest()[:16]
