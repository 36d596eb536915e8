"""Which regions a step sees, and what its crops show."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from detection.boxes import flip_horizontal
from detection.regions.crops import crop_regions
from detection.regions.warp import Warp
from detection.training.batches import Batch, BatchLoader, Pool, RegionSampler
from detection.training.distributed import Processes
from detection.training.sampling import IGNORED, RegionLabels

CPU = torch.device("cpu")
WARP = Warp(32, 4)


def pool(classes: list[int], overlap: list[float] | None = None, matches: list[int] | None = None) -> Pool:
    """Regions of given classes; positive ones of equal number in ``matches`` show the same object."""
    count = len(classes)
    number = np.array(matches or range(count), np.float32)
    places = np.stack([number, number, number + 20, number + 20], axis=1)
    boxes = np.stack([np.arange(count), np.zeros(count), np.arange(count) + 10, np.full(count, 10)], axis=1)
    overlaps = np.array(overlap or [0.0] * count, np.float32)
    return Pool(boxes.astype(np.float32), RegionLabels(np.array(classes, np.int64), overlaps, places))


def drawn(sampler: RegionSampler, steps: int = 200) -> list[tuple[int, int, int]]:
    """(image, row, class) of all regions of many steps."""
    return [
        (pick.image, int(row), int(sampler.pools[pick.image].labels.classes[row]))
        for step in range(steps)
        for pick in sampler.picks(step)
        for row in pick.rows
    ]


def test_a_batch_is_32_objects_and_96_backgrounds_of_the_same_photos() -> None:
    sampler = RegionSampler([pool([1, 2, 0, 0, 0]), pool([0, 0, 3])])
    picks = sampler.picks(7)
    assert len(picks) == 32
    for pick in picks:
        classes = sampler.pools[pick.image].labels.classes[pick.rows]
        assert (classes > 0).sum() == 1
        assert (classes == 0).sum() == 3


@pytest.mark.parametrize(
    ("batch_size", "positives"), [(128, 0.25), (100, 0.3), (10, 1.0), (7, 0.0), (1, 0.5), (9, 0.5)]
)
def test_a_batch_has_its_size(batch_size: int, positives: float) -> None:
    sampler = RegionSampler([pool([1, 0, 0])], batch_size=batch_size, positives=positives)
    classes = [one[2] for one in drawn(sampler, 1)]
    assert len(classes) == batch_size
    assert sum(map(bool, classes)) == max(1, round(batch_size * positives))


def test_the_same_step_is_the_same_batch_whatever_came_before() -> None:
    pools = [pool([1, 2, 0, 0, 0], [1, 1, 0, 0.3, 0]), pool([0, 0, 3])]
    sampler, again = RegionSampler(pools, seed=5), RegionSampler(pools, seed=5)
    for step in (0, 1, 2, 3):
        sampler.picks(step)
    assert _rows(sampler, 9) == _rows(again, 9)
    assert _rows(sampler, 9) != _rows(sampler, 10)
    assert _rows(sampler, 9) != _rows(RegionSampler(pools, seed=6), 9)


def _rows(sampler: RegionSampler, step: int) -> list[tuple[int, list[int]]]:
    return [(pick.image, pick.rows.tolist()) for pick in sampler.picks(step)]


def test_objects_are_equally_likely_however_many_regions_show_them() -> None:
    """Object 0 has nine regions, object 9 one."""
    one = pool([1] * 10 + [0], matches=[0] * 9 + [9, 10])
    rows = [row for _, row, label in drawn(RegionSampler([one])) if label]
    assert 0.45 < rows.count(9) / len(rows) < 0.55
    assert set(rows) == set(range(10))


@pytest.mark.parametrize(("balance", "share"), [(0.0, 0.1), (0.5, 0.25), (1.0, 0.5)])
def test_class_balance_goes_from_frequency_to_equality(balance: float, share: float) -> None:
    """One object of class 2 among nine of class 1: 1/9 is to be raised to 1/3 and to 1."""
    sampler = RegionSampler([pool([1] * 9 + [2, 0])], class_balance=balance)
    labels = [label for _, _, label in drawn(sampler) if label]
    assert labels.count(2) / len(labels) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("hard", [0.0, 0.5, 1.0])
def test_background_that_touches_an_object_has_its_share(hard: float) -> None:
    """Rows 1 and 2 touch one; row 3 is nowhere near, row 4 hardly touches."""
    sampler = RegionSampler([pool([1, 0, 0, 0, 0], [1, 0.1, 0.49, 0, 0.05])], hard_background=hard)
    rows = [row for _, row, label in drawn(sampler, 100) if not label]
    assert sum(row in (1, 2) for row in rows) / len(rows) == pytest.approx(hard, abs=0.02)
    assert set(rows) == ({1, 2} if hard == 1 else {3, 4} if hard == 0 else {1, 2, 3, 4})


def test_background_that_nearly_shows_an_object_is_hard() -> None:
    """Of regions that show an object from an overlap of 0.7 on, 0.69 is background: the hardest."""
    sampler = RegionSampler([pool([1, 0, 0, 0], [1, 0.69, 0.5, 0])], hard_background=1.0)
    assert {row for _, row, label in drawn(sampler, 20) if not label} == {1, 2}


def test_where_one_kind_of_background_is_missing_the_other_is_taken() -> None:
    sampler = RegionSampler([pool([1, 0], [1, 0.3])], hard_background=0.0)
    assert {row for _, row, label in drawn(sampler, 3) if not label} == {1}


def test_photos_without_objects_give_background_in_proportion() -> None:
    sampler = RegionSampler([pool([1, 0]), pool([0, 0]), pool([0, 0]), pool([1, 0])])
    picks = [pick for step in range(100) for pick in sampler.picks(step)]
    empty = [pick for pick in picks if pick.image in (1, 2)]
    assert len(empty) / len(picks) == pytest.approx(0.5, abs=0.03)
    assert {len(pick.rows) for pick in picks} == {4}


def test_ignored_regions_and_photos_with_nothing_else_are_never_drawn() -> None:
    nothing = Pool(np.zeros((0, 4), np.float32), pool([]).labels)
    sampler = RegionSampler([pool([1, IGNORED, 0]), pool([IGNORED, IGNORED]), nothing])
    assert {(image, row) for image, row, _ in drawn(sampler, 20)} == {(0, 0), (0, 2)}


def test_where_all_photos_are_all_object_there_is_no_background() -> None:
    assert drawn(RegionSampler([pool([1])], batch_size=8), 1) == [(0, 0, 1)] * 2


def test_photos_annotated_in_part_give_objects_and_others_the_background() -> None:
    """Nine of ten objects are in photos without background: the batch is of 32 and 96 all the same."""
    partly = [pool([1, IGNORED, IGNORED, 2, 3]) for _ in range(3)]
    sampler = RegionSampler([*partly, pool([1, 0, 0], [1, 0.3, 0])], class_balance=0.0)
    seen = drawn(sampler, 50)
    assert len(seen) == 50 * 128
    assert sum(label > 0 for *_, label in seen) == 50 * 32
    assert {image for image, _, label in seen if label == 0} == {3}
    objects = [image for image, _, label in seen if label]
    assert objects.count(3) / len(objects) == pytest.approx(0.1, abs=0.02)
    hard = [row for image, row, label in seen if label == 0]
    assert hard.count(1) / len(hard) == pytest.approx(0.5, abs=0.02)  # as much touches an object as elsewhere


def test_class_balance_counts_the_objects_of_all_photos() -> None:
    """Class 2 is rare where annotation is whole, and as common as class 1 in all."""
    sampler = RegionSampler([pool([2, 2, 2, IGNORED]), pool([1, 1, 1, 1, 2, 0])], class_balance=1.0)
    labels = [label for _, _, label in drawn(sampler, 50) if label]
    assert labels.count(2) / len(labels) == pytest.approx(0.5, abs=0.03)
    rare = RegionSampler([pool([2, IGNORED]), pool([1] * 9 + [0])], class_balance=1.0)
    labels = [label for _, _, label in drawn(rare, 50) if label]
    assert labels.count(2) / len(labels) == pytest.approx(0.5, abs=0.03)


def test_background_of_other_photos_comes_from_all_of_them() -> None:
    sampler = RegionSampler([pool([1]), pool([IGNORED]), pool([0, 0]), pool([1, 0]), pool([2, 0, 0])])
    picks = [pick for step in range(30) for pick in sampler.picks(step)]
    lent = [one.image for one, following in pairwise(picks) if following.image == 0]
    assert set(lent) == {2, 3, 4}


@pytest.mark.parametrize(("share", "spare"), [(0.0, 0), (0.5, 48), (1.0, 96), (0.01, 1)])
def test_hard_negatives_are_more_background_of_which_some_is_to_spare(share: float, spare: int) -> None:
    sampler = RegionSampler([pool([1, 2, 0, 0, 0]), pool([3, IGNORED]), pool([0, 0])], hard_negatives=share)
    for step in range(5):
        picks = sampler.picks(step)
        classes = np.concatenate([sampler.pools[pick.image].labels.classes[pick.rows] for pick in picks])
        assert len(classes) == 128 + spare
        assert sum(pick.spare for pick in picks) == spare
        assert all(pick.spare <= (sampler.pools[pick.image].labels.classes[pick.rows] == 0).sum() for pick in picks)


def test_what_is_to_spare_does_not_count_in_a_batch() -> None:
    sampler = RegionSampler([placed_pool(0), placed_pool(1)], batch_size=16, hard_negatives=0.5)
    batch = BatchLoader(sampler, smooth_photo, lambda step: WARP, CPU).batch(0)
    assert len(batch.crops) == 22
    assert batch.total == 16
    assert batch.groups.sum(axis=0).tolist() == [22, 6]
    shares = [
        BatchLoader(sampler, smooth_photo, lambda step: WARP, CPU, processes=Processes(rank, 2)).batch(0)
        for rank in (0, 1)
    ]
    assert [one.first for one in shares] == [0, 8]
    assert torch.equal(torch.cat([one.crops for one in shares]), batch.crops)
    assert np.array_equal(np.concatenate([one.groups for one in shares]), batch.groups)


@pytest.mark.parametrize("pools", [[], [pool([0, 0])], [pool([IGNORED])]], ids=["none", "background", "ignored"])
def test_without_objects_there_is_nothing_to_learn(pools: list[Pool]) -> None:
    with pytest.raises(ValueError, match=f"no region of the {len(pools)} training photos shows an object"):
        RegionSampler(pools)


def smooth_photo(index: int, random: np.random.Generator) -> np.ndarray:
    """Grows to the right in red and down in green, a level a pixel, so that a crop says where it is from."""
    x, y = np.meshgrid(np.arange(200), np.arange(160))
    return np.stack([x, y, np.full_like(x, 10 * index)], axis=2).astype(np.uint8)


def placed_pool(index: int) -> Pool:
    boxes = np.array([[50, 40, 110, 100], [60, 50, 130, 110], [40, 40, 120, 90]], np.float32) + index
    matches = np.array([[55, 42, 115, 102], [60, 50, 130, 110], [40, 40, 120, 90]], np.float32) + index
    return Pool(boxes, RegionLabels(np.array([1, 0, 0]), np.array([0.8, 0, 0.2], np.float32), matches))


def loader(workers: int = 1, read_image=smooth_photo) -> BatchLoader:
    sampler = RegionSampler([placed_pool(0), placed_pool(1)], batch_size=16)
    return BatchLoader(sampler, read_image, lambda step: WARP, CPU, workers)


def test_mirrored_photos_have_mirrored_regions_objects_and_crops() -> None:
    one, mirrored = loader(), set()
    for step in range(6):
        batch = one.batch(step)
        rows = [(pick.image, row) for pick in one.sampler.picks(step) for row in pick.rows]
        assert len(rows) == len(batch.crops) == len(batch.classes) == 16
        columns = batch.crops, batch.classes, batch.regions, batch.matches
        assert batch.images.tolist() == [image for image, _ in rows]
        for (image, row), crop, label, region, match in zip(rows, *columns, strict=True):
            source = one.sampler.pools[image]
            assert label == source.labels.classes[row]
            box, matched = source.boxes[row : row + 1], source.labels.matches[row : row + 1]
            flipped = not np.array_equal(region.numpy(), box[0])
            if flipped:
                assert np.array_equal(region.numpy(), flip_horizontal(box, 200)[0])
                matched = flip_horizontal(matched, 200)
            assert np.array_equal(match.numpy(), matched[0])
            plain = crop_regions(smooth_photo(image, None), box, WARP, CPU)[0]
            expected = plain.flip(2) if flipped else plain
            assert (crop - expected).abs().max() < (
                3 if flipped else 1e-3
            )  # a window reads one pixel more on its right
            mirrored.add(flipped)
    assert mirrored == {True, False}


def test_a_batch_depends_on_its_step_alone() -> None:
    expected = [loader().batch(step) for step in range(7)]
    for workers in (1, 3):
        batches = list(loader(workers).batches(0, 7)) + list(loader(workers).batches(3, 5))
        assert len(batches) == 9
        for batch, wanted in zip(batches, [*expected, *expected[3:5]], strict=True):
            assert_same(batch, wanted)


def assert_same(batch: Batch, other: Batch) -> None:
    for one, two in zip(batch, other, strict=True):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(two))


def test_no_steps_are_no_batches() -> None:
    assert list(loader().batches(5, 5)) == []


def test_a_photo_that_cannot_be_read_stops_the_training() -> None:
    def broken(index: int, random: np.random.Generator) -> np.ndarray:
        raise ValueError("photo 3 is damaged")

    with pytest.raises(ValueError, match="photo 3 is damaged"):
        next(loader(read_image=broken).batches(0, 5))


def test_crops_lie_channels_last() -> None:
    assert loader().batch(0).crops.is_contiguous(memory_format=torch.channels_last)
