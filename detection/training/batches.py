"""Batches of crops: which regions a step sees depends on the seed and the step alone, so a run resumes anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detection.boxes import Boxes, flip_horizontal
from detection.regions.crops import Cut, begin_crops, lay_out
from detection.regions.warp import Warp
from detection.structures import RGBImage
from detection.training.distributed import ALONE, Processes
from detection.training.sampling import RegionLabels

HARD_BACKGROUND = 0.1  # IoU with an object from which on background is hard (Fast R-CNN, section 2.3)


@dataclass(frozen=True)
class Pool:
    """The regions of one training image (R, 4), ground truth included, and what they show."""

    boxes: Boxes
    labels: RegionLabels


class Batch(NamedTuple):
    """``crops`` (N, 3, S, S) RGB 0..255, channels last; ``classes`` (N,), 0 is background; ``regions`` (N, 4) and the
    objects that they show, ``matches`` (N, 4); ``images`` (N,), where they were cut from.

    They are the rows from ``first`` on of the ``total`` of a step, which several processes may share. ``groups`` (P, 2)
    says of how many rows at a time how many are to spare; those count neither in ``first`` nor in ``total``.
    """

    crops: Tensor
    classes: Tensor
    regions: Tensor
    matches: Tensor
    images: NDArray[np.int64]
    groups: NDArray[np.int64]
    first: int
    total: int


class Pick(NamedTuple):
    """The regions of one image that go into a batch; of its background, ``spare`` will not be learnt from."""

    image: int
    rows: NDArray[np.int64]
    spare: int = 0


def objects_of(batch_size: int, positives: float) -> int:
    """How many objects a batch shows, of which one each photo gives."""
    return max(1, round(batch_size * positives))


class RegionSampler:
    """Draws a batch object by object: an object, one region that shows it, and background from the same photo.

    Objects, not regions, are equally likely: a large object has a hundred proposals, a small one three, and both count
    once in mAP. ``class_balance`` moves from classes as often as they occur (0) to equally often (1). Photos without
    objects give background in proportion to their number. For an object whose photo has no background, as one that is
    annotated in part, another photo gives it; a batch is smaller than ``batch_size`` only where no photo has any.
    ``hard_negatives`` is how much more background is drawn than goes into a batch, as a share of it.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        *,
        batch_size: int = 128,
        positives: float = 0.25,
        hard_background: float = 0.5,
        class_balance: float = 0.5,
        hard_negatives: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.pools = pools
        self.seed = seed
        self.hard_background = hard_background
        self.slots = objects_of(batch_size, positives)
        self.batch_size = batch_size
        self.spare = round(hard_negatives * (batch_size - self.slots))
        self.objects = [_regions_by_object(pool) for pool in pools]
        index = [(image, o) for image, objects in enumerate(self.objects) for o in range(len(objects))]
        if not index:
            raise ValueError(f"no region of the {len(pools)} training photos shows an object that counts")
        self.index = index
        classes = np.array([self._class(image, o) for image, o in index])
        count = np.bincount(classes)
        weight = 1.0 / count[classes] ** class_balance
        self.chance = np.cumsum(weight / weight.sum())
        self.background_rows = [_background_rows(pool) for pool in pools]
        self.with_background = [image for image, rows in enumerate(self.background_rows) if any(map(len, rows))]
        self.without_objects = [image for image in self.with_background if not self.objects[image]]

    def _class(self, image: int, number: int) -> int:
        return int(self.pools[image].labels.classes[self.objects[image][number][0]])

    def picks(self, step: int) -> list[Pick]:
        """What goes into the batch of a step."""
        random = np.random.default_rng((self.seed, step))
        picks = []
        for slot in range(self.slots):
            regions = (self.batch_size + slot) // self.slots  # the batch, shared out
            spare = (self.spare + slot) // self.slots
            if random.random() * len(self.pools) < len(self.without_objects):
                picks.append(self._background(int(random.choice(self.without_objects)), regions, spare, random))
                continue
            drawn = int(np.searchsorted(self.chance, random.random()))
            image, number = self.index[min(drawn, len(self.index) - 1)]
            positive = random.choice(self.objects[image][number])
            background = self._background(image, regions - 1, spare, random)
            if len(background.rows) < regions - 1 and self.with_background:
                other = int(random.choice(self.with_background))
                picks.append(self._background(other, regions - 1, spare, random))
            picks.append(background._replace(rows=np.append(background.rows, positive)))
        return picks

    def _background(self, image: int, count: int, spare: int, random: np.random.Generator) -> Pick:
        """As much background of a photo, and to spare; nothing of one that has none."""
        rows = self._draw_background(image, count + spare, random)
        return Pick(image, rows, spare if len(rows) else 0)

    def _draw_background(self, image: int, count: int, random: np.random.Generator) -> NDArray[np.int64]:
        hard, easy = self.background_rows[image]
        rows = []
        for _ in range(count):
            wanted, other = (hard, easy) if random.random() < self.hard_background else (easy, hard)
            source = wanted if len(wanted) else other
            if len(source):
                rows.append(random.choice(source))
        return np.array(rows, np.int64)


def _regions_by_object(pool: Pool) -> list[NDArray[np.int64]]:
    """For each object of a photo, the rows of the regions that show it."""
    positive = np.flatnonzero(pool.labels.classes > 0)
    groups: dict[tuple[float, ...], list[int]] = {}
    for row in positive:
        key = (*pool.labels.matches[row].tolist(), float(pool.labels.classes[row]))
        groups.setdefault(key, []).append(int(row))
    return [np.array(rows) for rows in groups.values()]


def _background_rows(pool: Pool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the background that touches an object, and of the rest."""
    background = pool.labels.classes == 0
    hard = background & (pool.labels.overlap >= HARD_BACKGROUND)
    return np.flatnonzero(hard), np.flatnonzero(background & ~hard)


class BatchLoader:
    """Reads and crops the batches of consecutive steps ahead of the training loop, in threads."""

    def __init__(
        self,
        sampler: RegionSampler,
        read_image: Callable[[int, np.random.Generator], RGBImage],
        warp_at: Callable[[int], Warp],
        device: torch.device,
        workers: int = 1,
        processes: Processes = ALONE,
    ) -> None:
        self.sampler = sampler
        self.read_image = read_image
        self.warp_at = warp_at  # crops may be smaller early in training
        self.device = device
        self.workers = workers
        self.processes = processes
        processes.check_share(sampler.slots)

    def batch(self, step: int) -> Batch:
        """This process's share of the batch of a step; every photo is mirrored with a chance of one half."""
        return self._begin(step)()

    def _begin(self, step: int) -> Callable[[], Batch]:
        """All of a batch that the processor can do for it, and what puts it on the device.

        The latter is for the thread that trains: its work and the network's stand in one queue, and none waits.
        """
        picks = self.sampler.picks(step)
        mine = self.processes.share(len(picks))
        cuts: list[Cut] = []
        classes, matches = [], []
        for number in mine:
            image, rows, _ = picks[number]
            random = np.random.default_rng((self.sampler.seed, step, 1, number))  # whoever shares the batch
            pixels = self.read_image(image, random)
            pool = self.sampler.pools[image]
            boxes, matched = pool.boxes[rows], pool.labels.matches[rows]
            if random.random() < 0.5:
                pixels = pixels[:, ::-1]
                boxes, matched = flip_horizontal(boxes, pixels.shape[1]), flip_horizontal(matched, pixels.shape[1])
            cuts.append((pixels, boxes))
            classes.append(pool.labels.classes[rows])
            matches.append(matched)
        crops = begin_crops(cuts, self.warp_at(step), self.device)
        sizes = [len(pick.rows) for pick in picks]
        learnt = [len(pick.rows) - pick.spare for pick in picks]
        images = np.concatenate([np.full(sizes[number], picks[number].image) for number in mine])
        groups = np.array([(sizes[number], picks[number].spare) for number in mine], np.int64)
        arrays = [np.concatenate(parts) for parts in (classes, [boxes for _, boxes in cuts], matches)]
        labels, regions, objects = (lay_out(array, self.device) for array in arrays)

        def placed() -> Batch:
            return Batch(
                crops(),
                labels.to(self.device, non_blocking=True),
                regions.to(self.device, non_blocking=True),
                objects.to(self.device, non_blocking=True),
                images,
                groups,
                first=sum(learnt[: mine.start]),
                total=sum(learnt),
            )

        return placed

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps ``start`` to ``stop`` (exclusive), in order."""
        ahead = self.workers + 1
        with ThreadPoolExecutor(self.workers) as threads:
            pending = [threads.submit(self._begin, step) for step in range(start, min(start + ahead, stop))]
            for step in range(start, stop):
                place = pending.pop(0).result()
                if step + ahead < stop:
                    pending.append(threads.submit(self._begin, step + ahead))
                yield place()
