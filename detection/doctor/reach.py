"""Which annotated objects no proposal reaches: no detector of regions can find them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detection.boxes import as_boxes, clip
from detection.doctor.contents import Entry, Thing
from detection.doctor.findings import UNREACHED, Case
from detection.doctor.photos import Photo
from detection.evaluation.strata import COCO_SIZES
from detection.proposals.recall import REACHED, coverage
from detection.proposals.store import Failure, ProposalStore, Report
from detection.structures import Proposals, Target

ClassAndSize = tuple[str, str]


@dataclass(frozen=True)
class Reach:
    """How many objects there are of each class and size of ``COCO_SIZES``, and how many no proposal reaches.

    ``failures`` are the photos without proposals, each with the reason.
    """

    objects: Mapping[ClassAndSize, int]
    missed: Mapping[ClassAndSize, int]
    cases: tuple[Case, ...]
    failures: tuple[str, ...]


def reach(
    entries: Sequence[Entry], photos: Mapping[Path, Photo], store: ProposalStore, workers: int | None, report: Report
) -> Reach:
    """The objects against the proposals that ``store`` has of their photos, or makes.

    Left out are the difficult ones and crowds, boxes without area in their photo, and photos that cannot be read.
    """
    headers = ((entry, photos[entry.photo].header) for entry in entries)
    sound = [(entry, *_sound(entry.objects, *header.size)) for entry, header in headers if header]
    usable = [(entry, things, target) for entry, things, target in sound if things]
    seen: list[tuple[Entry, Thing]] = []
    failures: list[str] = []

    def each() -> Iterator[tuple[Proposals, Target]]:
        made = store.each((entry.photo for entry, _, _ in usable), workers)
        for done, ((entry, things, target), proposals) in enumerate(zip(usable, made, strict=True), start=1):
            report("proposing regions", done, len(usable))
            if isinstance(proposals, Failure):
                failures.append(proposals.reason)
            else:
                seen.extend((entry, thing) for thing in things)
                yield proposals, target

    covered = coverage(each(), ["object"], ())
    best, sides = covered.best[:, -1], covered.boxes[:, 2:] - covered.boxes[:, :2]
    kinds = [(thing.name, _size(area)) for (_, thing), area in zip(seen, covered.areas.tolist(), strict=True)]
    missed = np.flatnonzero(best < REACHED).tolist()
    cases = []
    for index in missed:
        entry, thing = seen[index]
        detail = f"{sides[index, 0]:g} x {sides[index, 1]:g} pixels, best IoU {best[index]:.3f}"
        cases.append(Case(UNREACHED, entry.split, entry.shown, str(thing), detail, thing.name))
    return Reach(Counter(kinds), Counter(kinds[index] for index in missed), tuple(cases), tuple(failures))


def _sound(objects: Sequence[Thing], width: int, height: int) -> tuple[list[Thing], Target]:
    """The objects that count and have area in their photo."""
    things = [thing for thing in objects if thing.counted]
    boxes = clip(as_boxes([thing.box for thing in things]), width, height)
    keep = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    return [things[row] for row in keep.tolist()], Target(boxes[keep], np.zeros(len(keep), np.int64))


def _size(area: float) -> str:
    bounds, names = COCO_SIZES
    return names[bisect_right(bounds, area)]
