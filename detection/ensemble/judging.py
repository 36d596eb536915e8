"""From stored scores to detections, for any members averaged and any settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import torch

from detection.detector import detections_of
from detection.ensemble.store import ScoreStore
from detection.evaluation.ensemble_gain import Subset
from detection.heads.scoring import Scoring, averaged
from detection.structures import Detections
from detection.suppress import Suppression

Settings = tuple[Scoring, Suppression]


def subsets(members: Sequence[str]) -> list[Subset]:
    """Every choice of members: each alone first, all of them last."""
    return [chosen for count in range(1, len(members) + 1) for chosen in combinations(members, count)]


@torch.inference_mode()
def stored_detections(
    store: ScoreStore,
    photos: Sequence[int],
    wanted: Iterable[tuple[Subset, Settings]],
    report: Callable[[int], None] = lambda _: None,
) -> list[list[Detections]]:
    """For each choice of members and settings what they find in the photos; ``report`` is told the photos done.

    Raises ``ValueError`` where scores are missing.
    """
    wanted = list(wanted)
    found: list[list[Detections]] = [[] for _ in wanted]
    for done, photo in enumerate(photos, start=1):
        regions = store.regions(photo)
        raw = {member: store.read(member, photo) for member in {one for subset, _ in wanted for one in subset}}
        for (subset, (scoring, suppression)), results in zip(wanted, found, strict=True):
            assert regions is not None  # they are there before any scores
            scored = averaged([scoring(raw[member], regions.boxes) for member in subset])
            results.append(detections_of(scored, regions.size, suppression))
        report(done)
    return found
