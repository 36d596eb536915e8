"""The regions that training draws from."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from detection.proposals.ranking import RankingSettings, RegionRanker, RegionSelector
from detection.structures import Proposals, Target
from detection.training import pools
from detection.training.pools import RankerRecipe, cross_selected, fit_ranker, make_pool, select_all
from detection.training.ranking import RankerTraining
from detection.training.sampling import IGNORED
from tests.detection.rectangles import propose, rectangles

BOX = [0.0, 0, 10, 10]


def trunk(images: Tensor) -> Tensor:
    return F.avg_pool2d(images.float() / 255, 8)


def recipe(told: list | None = None, images: int = 100) -> RankerRecipe:
    settings = RankingSettings(image_size=96, stride=8, channels=3, cells=2, width=4, hidden=8, overlap=0.9)

    def selector(ranker: RegionRanker) -> RegionSelector:
        return RegionSelector(trunk, ranker, lambda pixels: pixels, torch.device("cpu"))

    report = (lambda *_: None) if told is None else (lambda *progress: told.append(progress))
    return RankerRecipe(settings, RankerTraining(epochs=2, images_per_step=1), images, selector, report)


def test_ground_truth_is_in_the_pool_but_crowds_are_not() -> None:
    far = [100.0, 100, 120, 120]
    target = Target(
        np.array([BOX, far, [300, 0, 400, 100]], np.float32),
        np.array([1, 0, 0]),
        difficult=np.array([False, True, False]),
        crowd=np.array([False, False, True]),
    )
    pool = make_pool(np.array([[0, 0, 5, 5]], np.float32), target)
    assert pool.boxes.tolist() == [[0, 0, 5, 5], BOX, far]
    assert pool.labels.classes.tolist() == [0, 2, IGNORED]


def test_the_overlap_of_an_object_can_be_chosen() -> None:
    target, boxes = Target(np.array([BOX], np.float32), np.array([0])), np.array([[0, 0, 10, 4]], np.float32)
    assert make_pool(boxes, target).labels.classes.tolist() == [0, 1]
    assert make_pool(boxes, target, 0.4).labels.classes.tolist() == [1, 1]


def test_no_photo_is_chosen_for_by_a_ranker_that_has_seen_it(monkeypatch) -> None:
    dataset, seen, chosen_by = rectangles(5), {}, []

    def fit(recipe: RankerRecipe, data, proposals, indices: Sequence[int], title: str) -> str:
        seen[title] = set(indices)
        return title

    def select(recipe: RankerRecipe, ranker: str, data, proposals: dict, top: int) -> dict:
        chosen_by.extend((index, ranker) for index in proposals)
        return {index: proposed.boxes[:top] for index, proposed in proposals.items()}

    monkeypatch.setattr(pools, "fit_ranker", fit)
    monkeypatch.setattr(pools, "select_all", select)
    cross_selected(recipe(), dataset, propose(dataset), top=10)
    assert sorted(index for index, _ in chosen_by) == list(range(5))
    assert all(index not in seen[ranker] for index, ranker in chosen_by)
    assert set.union(*seen.values()) == set(range(5))


def test_every_photo_has_its_regions_from_its_own_proposals() -> None:
    dataset = rectangles(5)
    proposals = propose(dataset)
    regions = cross_selected(recipe(), dataset, proposals, top=10)
    assert [len(boxes) for boxes in regions] == [10] * 5
    given = {tuple(box) for box in proposals[0].boxes.tolist()}
    assert all({tuple(box) for box in boxes.tolist()} <= given for boxes in regions)
    again = cross_selected(recipe(), dataset, proposals, top=10)
    assert all(np.array_equal(one, other) for one, other in zip(regions, again, strict=True))


def test_one_photo_alone_is_chosen_for_as_well() -> None:
    dataset = rectangles(1)
    assert [len(boxes) for boxes in cross_selected(recipe(), dataset, propose(dataset), top=3)] == [3]


def test_a_ranker_looks_at_a_sample_of_the_photos_and_says_so() -> None:
    dataset, told = rectangles(4), []
    ranker = fit_ranker(recipe(told, images=3), dataset, propose(dataset), range(4), "ranker")
    assert told[:3] == [("ranker: looking at photos", done, 3) for done in (1, 2, 3)]
    assert told[3:] == [("ranker: training", step, 100) for step in range(1, 101)]
    chosen = select_all(recipe(), ranker, dataset, dict(zip([3, 1], propose(dataset, [3, 1]), strict=True)), top=5)
    assert {index: len(boxes) for index, boxes in chosen.items()} == {3: 5, 1: 5}


def test_rankers_learn_from_photos_annotated_in_full(monkeypatch) -> None:
    """Of six photos two are; each ranker has one of them, and all six have their regions."""
    photos = rectangles(6)
    targets = [replace(target, partial=index not in (1, 2)) for index, target in enumerate(photos.targets)]
    dataset = replace(photos, targets=tuple(targets))
    learnt = []

    def train(ranker, examples, settings, progress) -> None:
        learnt.append(examples)

    monkeypatch.setattr(pools, "train_ranker", train)
    regions = cross_selected(recipe(), dataset, propose(dataset), top=10)
    assert [len(boxes) for boxes in regions] == [10] * 6
    assert [len(examples) for examples in learnt] == [1, 1]
    assert all((example.labels.classes == 0).any() for examples in learnt for example in examples)


def test_a_photo_without_any_region_teaches_no_ranker() -> None:
    photos = rectangles(2)
    dataset = replace(photos, targets=(Target(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), photos.targets[1]))
    proposals = [Proposals(np.zeros((0, 4), np.float32)), propose(dataset)[1]]
    ranker = fit_ranker(recipe(), dataset, proposals, range(2), "ranker")
    assert all(torch.isfinite(parameter).all() for parameter in ranker.parameters())
