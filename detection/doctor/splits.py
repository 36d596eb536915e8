"""Which lists of a data set are splits of it, and which are other lists put together."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path


def independent(lists: Mapping[str, Set[Path]]) -> list[str]:
    """The names of the lists without those that shorter ones make up: ``trainval`` beside ``train`` and ``val``.

    A list is left out where it is the union of others and its name contains one of theirs, or is contained (VOC's
    ``cat_train`` is ``train``, ILSVRC's ``val`` is ``val1`` and ``val2``). The names must agree too: a ``val`` whose
    photos are those of ``train`` is a leak, and no other name for it.
    """
    kept: list[str] = []
    for name in sorted(lists, key=lambda name: (len(lists[name]), len(name), name)):
        parts = [other for other in kept if lists[other] <= lists[name]]
        union = set().union(*(lists[other] for other in parts))
        akin = any(other in name or name in other for other in parts)
        if not (akin and union == lists[name]):
            kept.append(name)
    return [name for name in lists if name in kept]
