"""Region scores on disk: what every member says of the same regions, so that no network runs twice.

    <folder>/scores.json                 the photos, the classes, and whose regions they are
    <folder>/regions/000000.npz          the regions of a photo, by its number
    <folder>/member-1-4e1fa2c8/000000.npz     what a member says of them

Every file takes its name when it is whole: scoring may be killed anywhere and goes on; a member may be added any time.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detection.boxes import Boxes
from detection.converters.whole_file import named_errors, whole_file
from detection.heads.scoring import RawScores

FORMAT = "googlenet-rcnn region scores, 1"
MANIFEST = "scores.json"
REGIONS = "regions"
MEMBER = re.compile(r".+-[0-9a-f]{8}")  # its last part is a hash of the weights


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a photo: ``boxes`` (R, 4) in its frame, and its ``size``, (height, width)."""

    boxes: Boxes
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class ScoreStore:
    """The scores of ``ids``' photos, which are numbered in this order.

    ``facts`` are what all members share, as JSON: what chose the regions, of which proposals, detection settings. Of a
    photo's regions, which stand in the order that they were chosen in, only the first ``top`` are read.
    """

    folder: Path
    ids: tuple[str, ...]
    class_names: tuple[str, ...]
    facts: Mapping[str, Any]
    top: int | None = None

    @property
    def members(self) -> list[str]:
        """The members of which there is anything, by name; a folder that is called otherwise is somebody's own."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and MEMBER.fullmatch(path.name))

    def known_as(self, name: str) -> str:
        """The name that scores by the same weights are kept under, whatever their file was called; else this one."""
        return next((one for one in self.members if same_weights(one, name)), name)

    def regions(self, photo: int) -> Regions | None:
        """``None`` where nobody has chosen them."""
        stored = _read(self.folder / REGIONS / _name(photo))
        if stored is None:
            return None
        return Regions(stored["boxes"][: self.top], (int(stored["size"][0]), int(stored["size"][1])))

    def save_regions(self, photo: int, regions: Regions) -> None:
        _write(self.folder / REGIONS / _name(photo), {"boxes": regions.boxes, "size": np.array(regions.size)})

    def has(self, member: str, photo: int) -> bool:
        return (self.folder / member / _name(photo)).is_file()

    def read(self, member: str, photo: int) -> RawScores:
        """What a member says of a photo's regions; raises ``ValueError`` where it was not asked."""
        stored = _read(self.folder / member / _name(photo))
        if stored is None:
            missing = sum(not self.has(member, number) for number in range(len(self.ids)))
            raise ValueError(
                f"{self.folder}: {member} has not scored {missing} of {len(self.ids)} photos: "
                "tools/ensemble.py score goes on with it"
            )
        raw = RawScores(**{name: torch.from_numpy(values) for name, values in stored.items()})
        each = (None if values is None else values[: self.top] for values in raw)
        return RawScores._make(each)._replace(evidence=raw.evidence)  # which is the whole photo's

    def first(self, top: int) -> ScoreStore:
        """The same, had only so many regions of a photo been scored; raises ``ValueError`` where fewer were."""
        if self.facts["top"] is not None and top > self.facts["top"]:
            raise ValueError(f"{self.folder}: {self.facts['top']} regions of a photo were scored, not {top}")
        return replace(self, top=top)

    def save(self, member: str, photo: int, raw: RawScores) -> None:
        columns = {name: column.numpy() for name, column in raw._asdict().items() if column is not None}
        _write(self.folder / member / _name(photo), columns)


def same_weights(name: str, other: str) -> bool:
    """Whether two members' names end in the same hash."""
    return name.rpartition("-")[2] == other.rpartition("-")[2]


def open_scores(folder: Path) -> ScoreStore:
    """The scores in a folder; raises ``ValueError`` where there are none."""
    file = folder / MANIFEST
    try:
        content = json.loads(file.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        return ScoreStore(folder, tuple(content["photos"]), tuple(content["class_names"]), content["shared"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{folder}: no region scores of tools/ensemble.py ({file.name}: {error})") from None


def begin_scores(
    folder: Path, ids: Sequence[str], class_names: Sequence[str], facts: Mapping[str, Any], *, joins: Sequence[str]
) -> ScoreStore:
    """The scores in a folder, new or begun before; ``joins`` are the keys of ``facts`` in which a later member agrees.

    Raises ``ValueError`` where the folder's are of other photos, classes or facts.
    """
    if not (folder / MANIFEST).is_file():
        content = {"format": FORMAT, "class_names": list(class_names), "shared": dict(facts), "photos": list(ids)}
        with whole_file(folder / MANIFEST) as file:
            json.dump(content, file, indent=1)
    store = open_scores(folder)
    if store.ids != tuple(ids):
        raise ValueError(
            f"{folder} holds the scores of {len(store.ids)} other photos (the first: {store.ids[:1]}), "
            f"not of these {len(ids)}: choose another --out"
        )
    if store.class_names != tuple(class_names):
        raise ValueError(f"{folder} holds scores of the classes {', '.join(store.class_names)}: choose another --out")
    for key in joins:
        if store.facts.get(key) != facts[key]:
            there, here = (json.dumps(facts.get(key)) for facts in (store.facts, facts))
            raise ValueError(f"{folder} holds scores with {key} = {there}, these have {here}: choose another --out")
    return store


def _name(photo: int) -> str:
    return f"{photo:06}.npz"


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        with np.load(path) as stored:
            return dict(stored)
    except FileNotFoundError:
        return None


def _write(path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with named_errors(path), part.open("wb") as file:
            np.savez(file, **columns)  # type: ignore[arg-type]  # its stubs take a name for allow_pickle
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
