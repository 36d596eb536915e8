"""Two looks at photos: what is kept, and what is drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from detection.heads.members import Member
from detection.regions.warp import Warp
from detection.training.features import FEW, Looker, Moments, first_look
from tests.detection.rectangles import (
    CONTEXT,
    HEIGHT,
    PREPROCESSING,
    SIZE,
    WIDTH,
    Rectangles,
    narrow_classifier,
    rectangles,
    windows,
)

PHOTOS = rectangles(3)


def looker(photos: Rectangles = PHOTOS, seed: int = 0) -> Looker:
    member = Member(narrow_classifier(), PREPROCESSING, Warp(SIZE, CONTEXT))
    regions = {index: windows(image) for index, image in enumerate(photos.images)}
    return Looker(member, torch.device("cpu"), photos, regions, seed)


def test_the_first_look_keeps_wholes_objects_and_a_few_regions() -> None:
    told: list[tuple[object, ...]] = []
    look = looker()
    kept = first_look(look, [0, 2], lambda *report: told.append(report))
    assert (len(kept.wholes), len(kept.objects), len(kept.regions), len(kept.classes)) == (2, 4, 2 * FEW, 2 * FEW)
    assert kept.labels.tolist() == [0, 1, 0, 1]
    assert kept.present.tolist() == [[True, True], [True, True]]
    assert told[-1] == ("first look at photos", 2, 2)
    whole = look.look(PHOTOS.images[2], np.array([[0, 0, WIDTH, HEIGHT]], np.float32)).features
    assert kept.wholes[1] == pytest.approx(whole[0], abs=1e-4)
    objects = look.look(PHOTOS.images[0], PHOTOS.targets[0].boxes).features
    assert kept.objects[:2] == pytest.approx(objects, abs=1e-4)


def test_features_are_scaled_to_a_mean_norm() -> None:
    kept = first_look(looker(), [0, 1], lambda *_: None)
    norms = np.linalg.norm(np.concatenate([kept.objects, kept.regions]) * kept.scale(20.0), axis=1)
    assert norms.mean() == pytest.approx(20, rel=1e-4)


def test_objects_that_do_not_count_and_photos_annotated_in_part() -> None:
    difficult = replace(PHOTOS.targets[0], difficult=np.array([True, False]))
    photos = replace(PHOTOS, targets=(difficult, replace(PHOTOS.targets[1], partial=True), PHOTOS.targets[2]))
    kept = first_look(looker(photos), [0, 1, 2], lambda *_: None)
    assert kept.labels.tolist() == [1, 0, 1, 0, 1]
    assert kept.present.tolist() == [[False, True], [True, True]]  # the second photo may hold anything
    assert kept.known.tolist() == [[False, True], [True, True]]  # the first shows red, if not so that it counts
    assert len(kept.wholes) == 2


def test_regions_are_drawn_by_the_seed_and_never_more_than_there_are() -> None:
    assert np.array_equal(looker().some(1, 7), looker().some(1, 7))
    assert not np.array_equal(looker().some(1, 7), looker(seed=1).some(1, 7))
    everything = windows(PHOTOS.images[0])
    assert len(looker().some(0, 10_000)) == len(everything)
    assert np.array_equal(np.unique(looker().some(0, 10_000), axis=0), np.unique(everything, axis=0))


def test_maps_do_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = windows(PHOTOS.images[0])[:5]
    together = looker().look(PHOTOS.images[0], boxes)
    monkeypatch.setattr("detection.training.features.BATCH", 2)
    assert torch.allclose(looker().look(PHOTOS.images[0], boxes).maps, together.maps, atol=1e-5)
    assert together.features == pytest.approx(together.maps.mean(dim=(2, 3)).numpy())


def test_components_are_those_of_all_cells_at_once() -> None:
    maps = (
        torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
        * torch.tensor([3, 1, 2, 0.5])[:, None, None]
    )
    moments = Moments()
    moments.add(maps[:2])
    moments.add(maps[2:])
    cells = maps.transpose(0, 1).flatten(1).numpy()
    _, _, expected = np.linalg.svd((cells - cells.mean(axis=1, keepdims=True)).T, full_matrices=False)
    assert np.abs(np.sum(moments.components() * expected, axis=1)) == pytest.approx(np.ones(4), abs=1e-3)
