"""A ranker learns what an object looks like from maps computed once."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from detection.proposals.ranking import RankingSettings, RegionRanker
from detection.training import ranking
from detection.training.pools import make_pool
from detection.training.ranking import RankerTraining, RankingExample, train_ranker
from detection.training.sampling import IGNORED, RegionLabels
from tests.detection.rectangles import CLASSES, rectangles, windows

SETTINGS = RankingSettings(stride=4, channels=3, cells=3, width=8, hidden=16)


def examples(count: int, seed: int = 0) -> list[RankingExample]:
    """The "map" of a photo is the photo at a quarter."""
    dataset = rectangles(count, seed)
    found = []
    for image, target in zip(dataset.images, dataset.targets, strict=True):
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        pool = make_pool(windows(image), target)
        found.append(RankingExample(F.avg_pool2d(pixels, 4), pool.boxes, pool.labels))
    return found


def trained(settings: RankerTraining, given: list[RankingExample]) -> RegionRanker:
    torch.manual_seed(0)
    ranker = RegionRanker(len(CLASSES), SETTINGS)
    train_ranker(ranker, given, settings)
    return ranker


def test_objects_of_new_photos_come_first() -> None:
    ranker = trained(RankerTraining(epochs=30, images_per_step=2, learning_rate=0.03), examples(16))
    ranks = []
    for example in examples(4, seed=1):
        with torch.inference_mode():
            background = ranker(example.feature_map, torch.from_numpy(example.boxes)).softmax(dim=1)[:, 0]
        order = background.argsort().argsort().numpy()
        ranks.append(order[example.labels.classes > 0].mean() / len(order))
    assert np.mean(ranks) < 0.2  # by chance: one half


def test_the_same_seed_gives_the_same_ranker_and_progress_is_told() -> None:
    settings, given, told = RankerTraining(epochs=3, images_per_step=2), examples(4), []
    torch.manual_seed(0)
    ranker = RegionRanker(len(CLASSES), SETTINGS)
    train_ranker(ranker, given, settings, lambda *progress: told.append(progress))
    assert told == [(step, 100) for step in range(1, 101)]
    assert not ranker.training
    for one, other in zip(ranker.parameters(), trained(settings, given).parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("photos", "steps"), [(0, 0), (1, 100), (10, 100), (79, 100), (80, 100), (84, 105), (400, 500)]
)
def test_few_photos_are_seen_more_often(monkeypatch: pytest.MonkeyPatch, photos: int, steps: int) -> None:
    """Five epochs in steps of four photos, where that is enough; every step has its photos, all equally often."""
    seen: list[int] = []

    def loss(ranker: RegionRanker, example: int, *_: object) -> torch.Tensor:
        seen.append(example)
        return next(ranker.parameters()).sum()

    monkeypatch.setattr(ranking, "_loss", loss)
    told: list[tuple[int, int]] = []
    train_ranker(
        RegionRanker(len(CLASSES), SETTINGS), range(photos), RankerTraining(epochs=5), lambda *done: told.append(done)
    )
    assert told == [(step, steps) for step in range(1, steps + 1)]
    assert len(seen) == 4 * steps
    assert all(abs(seen.count(photo) - len(seen) / photos) < 1 for photo in range(photos))


@pytest.mark.parametrize("classes", [[], [IGNORED, IGNORED]], ids=["no regions", "ignored regions"])
def test_photos_that_show_nothing_spoil_nothing(classes: list[int]) -> None:
    boxes = np.tile(np.array([0, 0, 9, 9], np.float32), (len(classes), 1))
    labels = RegionLabels(np.array(classes, np.int64), np.zeros(len(classes), np.float32), boxes)
    nothing = RankingExample(torch.zeros(1, 3, 8, 8), boxes, labels)
    ranker = trained(RankerTraining(epochs=2, images_per_step=1), [nothing, *examples(2)])
    assert all(parameter.isfinite().all() for parameter in ranker.parameters())


def test_without_photos_nothing_is_learnt() -> None:
    torch.manual_seed(0)
    untouched = RegionRanker(len(CLASSES), SETTINGS)
    for one, other in zip(untouched.parameters(), trained(RankerTraining(), []).parameters(), strict=True):
        assert torch.equal(one, other)
