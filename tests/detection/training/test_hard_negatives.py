"""What is learnt from a batch with background to spare."""

import numpy as np
import torch

from detection.training.batches import Batch
from detection.training.hard_negatives import keep_hardest


def batch(classes: list[int], groups: list[list[int]]) -> Batch:
    """Crops that hold their number."""
    number = torch.arange(len(classes), dtype=torch.float32)
    kept = sum(count - spare for count, spare in groups)
    boxes = number[:, None].expand(-1, 4)
    crops = number[:, None, None, None].expand(-1, 3, 8, 8)
    return Batch(crops, torch.tensor(classes), boxes, boxes, np.arange(len(classes)), np.array(groups), 0, kept)


def logits(background: list[float]) -> torch.Tensor:
    """The larger a number the surer the network is of the background."""
    return torch.stack([torch.tensor(background), torch.zeros(len(background))], dim=1)


def kept(one: Batch) -> list[int]:
    rows = one.crops[:, 0, 0, 0].long().tolist()
    for column in (one.regions[:, 0], one.matches[:, 0], torch.from_numpy(one.images)):
        assert column.long().tolist() == rows
    assert len(rows) == len(one.classes) == one.total == one.groups[:, 0].sum()
    assert not one.groups[:, 1].any()
    return rows


def test_of_each_group_the_background_that_is_told_worst_is_kept() -> None:
    made = batch([0, 0, 0, 1, 0, 0, 2], [[4, 1], [3, 1]])
    found = keep_hardest(made, logits([5, 1, -2, 9, 8, 9, 9]))
    assert kept(found) == [1, 2, 3, 4, 6]
    assert found.classes.tolist() == [0, 0, 1, 0, 2]
    assert found.crops.is_contiguous(memory_format=torch.channels_last)


def test_positives_are_kept_however_sure_the_network_is() -> None:
    assert kept(keep_hardest(batch([0, 1, 0], [[3, 1]]), logits([-9, 9, -8]))) == [0, 1]


def test_nothing_to_spare_is_everything() -> None:
    assert kept(keep_hardest(batch([0, 1, 0, 0], [[2, 0], [2, 0]]), logits([1, 2, 3, 4]))) == [0, 1, 2, 3]


def test_of_equals_the_first_are_kept() -> None:
    assert kept(keep_hardest(batch([0] * 4, [[4, 2]]), logits([1, 1, 1, 1]))) == [0, 1]


def test_groups_are_judged_by_themselves() -> None:
    """Whoever has a group of a batch keeps the same of it: in the first all are told worse than in the second."""
    classes, background, groups = [0, 1, 0, 0, 0, 1], [-3.0, 0, -4, 5, 2, 0], [[3, 1], [3, 1]]
    assert kept(keep_hardest(batch(classes, groups), logits(background))) == [1, 2, 4, 5]
    assert kept(keep_hardest(batch(classes[:3], groups[:1]), logits(background[:3]))) == [1, 2]
    assert kept(keep_hardest(batch(classes[3:], groups[1:]), logits(background[3:]))) == [1, 2]
