"""Data sets made of others: several splits as one, without some photos or a share of them, or annotated in part."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detection.datasets.base import AnnotatedImages, Dataset
from detection.structures import Target


def join_datasets(parts: Mapping[str, Dataset]) -> AnnotatedImages:
    """The photos of all parts, one part behind the other; keys are what messages call them.

    The classes are those of all parts: in their order where it is the same, else sorted. An id that several parts have
    begins with the part's name. Raises ``ValueError`` where parts share a photo.
    """
    orders = {part.class_names for part in parts.values()}
    alike = len(orders) == 1
    classes = orders.pop() if alike else tuple(sorted({name for names in orders for name in names}))
    times = Counter(image_id for part in parts.values() for image_id in part.ids)
    owners: dict[Path, str] = {}
    ids, paths, targets = [], [], []
    for name, part in parts.items():
        labels = np.array([classes.index(one) for one in part.class_names], np.int64)
        for index, image_id in enumerate(part.ids):
            path, target = part.path(index), part.target(index)
            if (owner := owners.setdefault(path, name)) != name:
                raise ValueError(f"{path} is in {owner} and in {name}: it would count twice")
            paths.append(path)
            ids.append(image_id if times[image_id] == 1 else f"{name}/{image_id}")
            targets.append(replace(target, labels=labels[target.labels]))
    numbers = {_category_ids(part) for part in parts.values()}
    category_ids = numbers.pop() if alike and len(numbers) == 1 else ()
    folders = {_photos_folder(part) for part in parts.values()}
    folder = folders.pop() if len(folders) == 1 else None
    return AnnotatedImages(classes, tuple(ids), tuple(paths), tuple(targets), category_ids, photos_folder=folder)


def leave_out(dataset: Dataset, ids: Collection[str]) -> AnnotatedImages:
    """A data set without the photos of some ids; ids that it does not have are no matter."""
    return pick(dataset, [index for index, image_id in enumerate(dataset.ids) if image_id not in ids])


def pick(dataset: Dataset, positions: Sequence[int]) -> AnnotatedImages:
    """The photos of a data set at some positions, in their order."""
    return _images(dataset, positions, list(map(dataset.target, positions)))


def hold_out(dataset: Dataset, share: float) -> tuple[AnnotatedImages, AnnotatedImages]:
    """A data set without a share of its photos, and these photos; both in its order.

    What is drawn depends on the photos' ids alone, by a hash: it is always the same, and hardly changes where photos
    are added.
    """
    order = sorted(range(len(dataset)), key=lambda index: hashlib.sha256(dataset.ids[index].encode()).digest())
    count = round(share * len(dataset))
    return pick(dataset, sorted(order[count:])), pick(dataset, sorted(order[:count]))


def in_part(dataset: Dataset) -> AnnotatedImages:
    """A data set whose photos are annotated in part: what is not annotated in them may be an object all the same."""
    everything = range(len(dataset))
    return _images(dataset, everything, [replace(dataset.target(index), partial=True) for index in everything])


def _images(dataset: Dataset, kept: Sequence[int], targets: Sequence[Target]) -> AnnotatedImages:
    ids, paths = tuple(dataset.ids[index] for index in kept), tuple(map(dataset.path, kept))
    numbers = dataset.image_numbers if isinstance(dataset, AnnotatedImages) else ()
    kept_numbers = tuple(numbers[index] for index in kept) if numbers else ()
    named = (dataset.class_names, ids, paths, tuple(targets), _category_ids(dataset), kept_numbers)
    return AnnotatedImages(*named, _photos_folder(dataset))


def _category_ids(dataset: Dataset) -> tuple[int | str, ...]:
    return dataset.category_ids if isinstance(dataset, AnnotatedImages) else ()


def _photos_folder(dataset: Dataset) -> Path | None:
    return dataset.photos_folder if isinstance(dataset, AnnotatedImages) else None
