"""R-CNN's parts of ILSVRC DET: halves of val, and N boxes a class of train."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from detection.datasets.ilsvrc import det_200, open_ilsvrc
from detection.datasets.ilsvrc_split import balanced_half, draw_train, imbalance
from detection.datasets.listing import read_split
from tests.contracts import assert_is_dataset
from tests.detection.datasets.trees import annotation_xml, write, write_det

ACCORDION, AIRPLANE, ANT = list(det_200())[:3]
BOX = (1, 1, 9, 9)


def long_tailed(images: int, classes: int, smallest: int, seed: int = 0) -> np.ndarray:
    """Boxes by image and class; the last class has ``smallest`` of them, the first a hundred times as many."""
    random = np.random.default_rng(seed)
    counts = np.zeros((images, classes), np.int64)
    for label, total in enumerate(np.geomspace(100 * smallest, smallest, classes).astype(int)):
        while (missing := total - counts[:, label].sum()) > 0:
            counts[random.integers(images), label] += min(missing, random.integers(1, 5))  # several a photo
    return counts


def test_halves_are_more_even_than_r_cnns() -> None:
    """Its val1 and val2 differ by 11% in the worst class, by 4% in the median; the smallest has 31 boxes."""
    counts = long_tailed(4000, 200, 31)
    first = balanced_half(counts)
    worst, median = imbalance(counts, first)
    assert worst < 0.11
    assert median < 0.01
    assert abs(first.sum() - 2000) < 20
    assert imbalance(counts, np.random.default_rng(0).permutation(4000) < 2000)[0] > 2 * worst


def test_halves_depend_on_the_seed_alone() -> None:
    counts = long_tailed(200, 5, 10)
    assert np.array_equal(balanced_half(counts), balanced_half(counts))
    assert not np.array_equal(balanced_half(counts), balanced_half(counts, seed=1))


@pytest.mark.parametrize("counts", [np.zeros((0, 3), int), np.zeros((4, 3), int), np.array([[5, 0, 0]])])
def test_halves_of_little(counts: np.ndarray) -> None:
    first = balanced_half(counts)
    assert abs(2 * first.sum() - len(counts)) <= 1
    assert imbalance(counts, first) == ((1, 1) if counts.any() else (0, 0))


def write_val(root: Path, photos: int = 12) -> Path:
    """Every photo shows an accordion, every other one an airplane as well, two show ants."""
    objects = {
        f"val{number:02}": [(ACCORDION, *BOX)]
        + [(AIRPLANE, *BOX)] * (number % 2)
        + [(ANT, *BOX)] * (2 * (number in (4, 9)))
        for number in range(photos)
    }
    return write_det(root, "val", objects)


def test_val1_and_val2_are_drawn_and_share_val(tmp_path: Path) -> None:
    root = write_val(tmp_path)
    one, two = open_ilsvrc(root, "val1"), open_ilsvrc(root, "val2")
    assert_is_dataset(one)
    assert len(one) == len(two) == 6
    assert sorted(one.ids + two.ids) == list(open_ilsvrc(root, "val").ids)
    assert list(one.ids) == sorted(one.ids)  # in the order of val
    for dataset in (one, two):
        labels = Counter(int(label) for target in dataset.targets for label in target.labels)
        assert labels == {0: 6, 1: 3, 2: 2}
        assert not any(target.partial for target in dataset.targets)
    assert open_ilsvrc(root, "val1").ids == one.ids


def test_a_list_of_the_data_set_counts(tmp_path: Path) -> None:
    root = write_val(tmp_path)
    write(root / "ImageSets/DET/val1.txt", "val03 1\nval01 2\n")
    assert open_ilsvrc(root, "val1").ids == ("val03", "val01")


def test_a_list_may_lie_anywhere(tmp_path: Path) -> None:
    root = write_val(tmp_path / "ILSVRC")
    mine = write(tmp_path / "lists" / "val1.txt", "val03 1\nval01 2\n")
    assert open_ilsvrc(root, str(mine)).ids == ("val03", "val01")
    with pytest.raises(FileNotFoundError, match=r"no split .*val9\.txt"):
        open_ilsvrc(root, str(tmp_path / "val9.txt"))


TRAIN = {
    "ILSVRC2013_train/a/a1": [(ACCORDION, *BOX)] * 3,
    "ILSVRC2013_train/a/a2": [(ACCORDION, *BOX)],
    "ILSVRC2013_train/a/a3": [(ACCORDION, *BOX), (AIRPLANE, *BOX)],
    "ILSVRC2013_train/b/b1": [(AIRPLANE, *BOX)],
    "ILSVRC2013_train/b/b2": [(AIRPLANE, *BOX)] * 2,
    "ILSVRC2013_train/c/c1": [(ANT, *BOX)],
    "ILSVRC2014_train_0001/d1": [(ACCORDION, *BOX), (ANT, *BOX)],
    "ILSVRC2014_train_0001/d2": None,
}


def boxes_of(names: Iterable[str]) -> Counter[str]:
    return Counter(item[0] for name in names for item in TRAIN[name] or ())


def write_train(root: Path, *, by_class: bool = False) -> Path:
    """The tree of TRAIN, with one list, or as published, with one a class: 1 shows it, 0 in part, -1 does not."""
    write_det(root, "train", TRAIN)
    if by_class:
        (root / "ImageSets/DET/train.txt").unlink()
        for number, wordnet_id in enumerate(det_200(), start=1):
            shown = {name: any(item[0] == wordnet_id for item in items or ()) for name, items in TRAIN.items()}
            marks = ((name, 1 if shows else -1) for name, shows in shown.items())
            lines = [f"{name} {0 if 'd1' in name else mark}\n" for name, mark in marks]
            write(root / f"ImageSets/DET/train_{number}.txt", "".join(lines))
    return root


def drawn(root: Path, boxes: int, seed: int = 0) -> tuple[str, ...]:
    return draw_train(root / "ImageSets/DET", root / "Annotations/DET/train", boxes, tuple(det_200()), seed)


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("boxes", [1, 2, 3, 100])
def test_so_many_boxes_of_every_class_or_all(tmp_path: Path, boxes: int, by_class: bool) -> None:
    root = write_train(tmp_path, by_class=by_class)
    names = drawn(root, boxes)
    found, there = boxes_of(names), boxes_of(name for name in TRAIN if not (by_class and "d1" in name))
    assert all(found[name] >= min(boxes, count) for name, count in there.items())
    assert list(names) == sorted(set(names))
    assert "ILSVRC2014_train_0001/d2" not in names
    if boxes == 100:
        assert ("ILSVRC2014_train_0001/d1" in names) == (not by_class)


def test_what_is_drawn_depends_on_the_seed_alone(tmp_path: Path) -> None:
    root = write_train(tmp_path)
    assert drawn(root, 1) == drawn(root, 1)
    assert len({drawn(root, 1, seed) for seed in range(5)}) > 1


@pytest.mark.parametrize(("split", "boxes"), [("train1", 1), ("train2", 2), ("train1k", 1000), ("train.5k", 500)])
def test_the_name_says_how_many_boxes(tmp_path: Path, split: str, boxes: int) -> None:
    root = write_train(tmp_path)
    dataset = open_ilsvrc(root, split)
    assert dataset.ids == drawn(root, boxes)
    assert_is_dataset(dataset)
    assert all(target.partial for target in dataset.targets)


def test_the_list_of_a_class_is_no_number_of_boxes(tmp_path: Path) -> None:
    root = write_train(tmp_path, by_class=True)
    assert open_ilsvrc(root, "train_2").ids == read_split(root / "ImageSets/DET", "train_2")
    assert all(target.partial for target in open_ilsvrc(root, "train_2").targets)


def test_a_part_of_a_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no split 'train'; .*[Tt]here are: val"):
        open_ilsvrc(write_val(tmp_path / "one"), "train1k")
    with pytest.raises(FileNotFoundError, match=r"no split 'val'; .*[Tt]here are: train"):
        open_ilsvrc(write_train(tmp_path / "two"), "val1")
    for split in ("val3", "train0", "train1m", "train.k"):
        with pytest.raises(FileNotFoundError, match=f"no split '{split}'"):
            open_ilsvrc(tmp_path / "two", split)


def test_damage_is_named_when_a_half_is_drawn(tmp_path: Path) -> None:
    root = write_val(tmp_path)
    write(root / "Annotations/DET/val/val03.xml", annotation_xml([(ANT, 9, 9, 8, 10)]))
    with pytest.raises(ValueError, match=r"val03\.xml: object 1 \(n\d+\) has an inverted box"):
        open_ilsvrc(root, "val2")


def test_r_cnns_own_lists_are_halves(shared: Path) -> None:
    one, two = (read_split(shared / "data/ilsvrc_det", name) for name in ("val1", "val2"))
    assert (len(one), len(two)) == (9887, 9917)
    assert not set(one) & set(two)
