"""Photos that occur twice: the same file, or one that looks the same, within a split or in several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from detection.doctor.contents import Entry
from detection.doctor.findings import DUPLICATE, LEAK, NEAR_DUPLICATE, NEAR_LEAK, Case, Kind
from detection.doctor.look import LEAST_CORRELATION, candidates, correlation, has_contrast, perceptual_hash
from detection.doctor.photos import Photo

COMPARED = 10_000  # pairs of thumbnails at once


def duplicates(entries: Sequence[Entry], photos: Mapping[Path, Photo]) -> Iterator[Case]:
    """A case for each set of photos that are the same or nearly so; what resembles a member belongs to the set."""
    by_digest: dict[bytes, list[Entry]] = defaultdict(list)
    for entry in entries:
        if photos[entry.photo].problem is None:
            by_digest[photos[entry.photo].digest].append(entry)
    files = list(by_digest.values())
    for group in _groups(len(files), _alike([photos[same[0].photo] for same in files])):
        members = [files[index] for index in group]
        if sum(map(len, members)) > 1:
            first, *rest = sorted((one for same in members for one in same), key=lambda one: (one.split, one.shown))
            others = tuple((one.split, one.shown) for one in rest)
            yield Case(_kind(members), first.split, first.shown, others=others)


def _kind(files: Iterable[Sequence[Entry]]) -> Kind:
    """Of a set of files that look alike, each with the entries that are that file."""
    splits = [{one.split for one in same} for same in files]
    if any(len(each) > 1 for each in splits):
        return LEAK
    if len(set().union(*splits)) > 1:
        return NEAR_LEAK
    return DUPLICATE if any(len(same) > 1 for same in files) else NEAR_DUPLICATE


def _alike(photos: Sequence[Photo]) -> Iterator[tuple[int, int]]:
    """The pairs of files that look alike."""
    looks = {row: photo.small for row, photo in enumerate(photos) if photo.small is not None}
    rows = [row for row, small in looks.items() if has_contrast(small)]
    if not rows:
        return
    smalls = np.stack([looks[row] for row in rows])
    pairs = candidates(np.array([perceptual_hash(small) for small in smalls], np.uint64))
    for start in range(0, len(pairs), COMPARED):
        some = pairs[start : start + COMPARED]
        alike = correlation(smalls[some[:, 0]], smalls[some[:, 1]]) >= LEAST_CORRELATION
        yield from ((rows[one], rows[other]) for one, other in some[alike].tolist())


def _groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The connected components of ``count`` points, each sorted, by their first point."""
    root = list(range(count))

    def find(point: int) -> int:
        while root[point] != point:
            root[point] = root[root[point]]
            point = root[point]
        return point

    for one, other in pairs:
        low, high = sorted((find(one), find(other)))
        root[high] = low
    groups: dict[int, list[int]] = defaultdict(list)
    for point in range(count):
        groups[find(point)].append(point)
    return list(groups.values())
