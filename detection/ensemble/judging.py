"""From stored scores to detections, for any members averaged and any settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import combinations

import torch

from detection.detector import Suppression, detections_of
from detection.ensemble.store import ScoreStore
from detection.heads.scoring import Scoring, averaged
from detection.heads.second_look import with_second_look
from detection.structures import Detections

Subset = tuple[str, ...]  # of the members, by name
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
    for _, (scoring, _) in wanted:
        _check_looks(store, scoring)
    found: list[list[Detections]] = [[] for _ in wanted]
    for done, photo in enumerate(photos, start=1):
        regions = store.regions(photo)
        assert regions is not None  # they are there before any scores
        raw = cache(partial(store.read, photo=photo))
        looks = store.looks(photo)
        for (subset, (scoring, suppression)), results in zip(wanted, found, strict=True):
            scored = averaged([scoring(raw(member), regions.boxes) for member in subset])
            if scoring.looks_again(raw(subset[0])):
                if looks is None:
                    raise ValueError(f"{store.folder}: {store.ids[photo]} was not looked at again: score it first")
                boxes = looks.boxes.numpy()
                second = averaged([scoring(raw(member, again=True), boxes) for member in subset])
                scored = with_second_look(scored, looks, second)
            results.append(detections_of(scored, regions.size, suppression))
        report(done)
    return found


def _check_looks(store: ScoreStore, scoring: Scoring) -> None:
    """Refuse, with ``ValueError``, a second look at other boxes than those that were scored."""
    if not scoring.second_look or scoring.box_regression == "none":
        return
    there = store.facts["detection"]
    for key in ("scores", "box_regression", "context", "localisation_confidence", "second_look"):
        if there.get(key, 0) != getattr(scoring, key):
            asked = f"{key}={getattr(scoring, key)}"
            raise ValueError(
                f"{store.folder} holds second looks for {key}={there.get(key, 0)}, not for {asked}: "
                f"ask with second_look=0, or score with --set {asked}"
            )
