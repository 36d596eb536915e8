"""One way of proposing, measured on a data set."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.datasets.base import Dataset
from detection.images import image_size
from detection.proposals.base import JSON, Proposer
from detection.proposals.recall import Coverage, coverage
from detection.proposals.store import Failure, ProposalStore, Report
from detection.proposals.timed import Timed
from detection.structures import Proposals, Target

CURVE = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)  # first boxes of a photo

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Measured:
    """What a proposer gives on ``I`` photos; those that could not be read are in ``failures`` alone.

    ``positions`` (I,) of the photos in the data set; ``sizes`` (I, 2) their width and height; ``seconds`` of those
    whose boxes were not in ``folder`` of the store, with ``workers`` photos in work at once; ``fallbacks`` photos took
    too long and have the boxes of another method.
    """

    name: str
    settings: dict[str, JSON]
    covered: Coverage
    positions: NDArray[np.int64]
    sizes: NDArray[np.int64]
    seconds: NDArray[np.float64]
    workers: int
    fallbacks: int
    failures: tuple[Failure, ...]
    folder: Path

    @property
    def from_store(self) -> int:
        """Photos whose boxes were there already."""
        return max(0, self.covered.images - len(self.seconds))

    @property
    def median_seconds(self) -> float:
        """Of a photo whose boxes were made; ``nan`` where all came from the store."""
        return float(np.median(self.seconds)) if len(self.seconds) else float("nan")

    @property
    def timing(self) -> str:
        """Of how many photos the boxes were made, and how long one took."""
        if not len(self.seconds):
            return "all boxes from the store: no time to tell"
        at_once = f"{self.workers} photos" if self.workers > 1 else "one photo"
        made = (
            f"{len(self.seconds):,} photos computed, {at_once} at once: median {self.median_seconds:.3f} seconds each"
        )
        late = f"; {self.fallbacks:,} took too long and have other boxes" if self.fallbacks else ""
        return f"{made}; {self.from_store:,} from the store{late}"

    def relative_sides(self) -> NDArray[np.float64]:
        """(G,) root of the share of its photo's area that an object has."""
        areas = self.sizes.prod(axis=1)[self.covered.image_of]
        return np.asarray(np.sqrt(self.covered.areas / areas), np.float64)


def measure(name: str, dataset: Dataset, proposer: Proposer, store: Path, workers: int, progress: Report) -> Measured:
    """The boxes of every photo, made or from the store, and how they cover its objects.

    A photo that cannot be read is logged, and left out. Raises :class:`detection.proposals.store.StoreError`.
    """
    timed = Timed(proposer)
    kept = ProposalStore(store, timed)
    positions: list[int] = []
    sizes: list[tuple[int, int]] = []
    failures: list[Failure] = []
    fallbacks: list[str] = []

    def each() -> Iterator[tuple[Proposals, Target]]:
        photos = [dataset.path(index) for index in range(len(dataset))]
        for index, result in enumerate(kept.each(photos, workers)):
            progress(name, index + 1, len(dataset))
            if isinstance(result, Failure):
                failures.append(result)
                logger.warning("failed: %s", result.reason)
                continue
            if result.fallback is not None:
                fallbacks.append(result.fallback)
            positions.append(index)
            sizes.append(image_size(photos[index]))
            yield result, dataset.target(index)

    covered = coverage(each(), dataset.class_names, CURVE)
    return Measured(
        name,
        kept.settings,
        covered,
        np.array(positions, np.int64),
        np.array(sizes, np.int64).reshape(-1, 2),
        np.array(timed.seconds),
        workers,
        len(fallbacks),
        tuple(failures),
        kept.folder,
    )
