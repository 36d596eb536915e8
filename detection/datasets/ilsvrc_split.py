"""R-CNN's parts of ILSVRC DET (R-CNN, section 4.2): ``val1`` and ``val2``, and ``train<N>``.

A list of that name in the data set counts, such as those that R-CNN published. Without one it is drawn, always alike:

* ``val1`` and ``val2`` are halves of ``val`` between which the boxes of every class are shared out evenly;
* ``train1k``, ``train500``: photos of ``train``, drawn class by class until there are so many boxes of each, or all.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.datasets.annotation_xml import read_annotation
from detection.datasets.base import Refuse, stop
from detection.datasets.listing import list_file, read_positives, read_split

logger = logging.getLogger(__name__)

HALVES = ("val1", "val2")
TRAIN_BOXES = re.compile(r"train(\d*\.?\d+)(k?)")  # train1k, train.5k, train500; train_58 is the list of a class


def part_ids(
    lists: Path, annotations: Path, split: str, wordnet_ids: Sequence[str], refuse: Refuse = stop
) -> tuple[str, ...]:
    """The image ids of a split: those of its list in the folder ``lists``, or drawn; classes in their official order.

    Raises ``FileNotFoundError`` and ``ValueError`` as :func:`read_split` does.
    """
    boxes = _boxes_wanted(split)
    if list_file(lists, split).is_file() or not (split in HALVES or boxes):
        return read_split(lists, split, refuse)
    if boxes:
        ids = draw_train(lists, annotations / "train", boxes, wordnet_ids)
        logger.info("%s: no list %s.txt: %d photos drawn, %d boxes a class", lists, split, len(ids), boxes)
        return ids
    ids = read_split(lists, "val")
    counts = count_boxes([annotations / "val" / f"{image_id}.xml" for image_id in ids], wordnet_ids)
    first = balanced_half(counts)
    largest, median = imbalance(counts, first)
    message = "%s: no list %s.txt: half of val drawn; boxes of a class differ by %.1f%% (median %.1f%%)"
    logger.info(message, lists, split, 100 * largest, 100 * median)
    return tuple(np.array(ids)[first if split == HALVES[0] else ~first].tolist())


def _boxes_wanted(split: str) -> int:
    """The N of ``train<N>``; 0 for other names."""
    match = TRAIN_BOXES.fullmatch(split)
    return round(float(match[1]) * (1000 if match[2] else 1)) if match else 0


def count_boxes(files: Sequence[Path], names: Sequence[str]) -> NDArray[np.int64]:
    """How many objects of each name the annotation files have (N, K); a file that is not there has none."""
    counts = np.zeros((len(files), len(names)), np.int64)
    column = {name: number for number, name in enumerate(names)}
    for row, file in enumerate(files):
        for name in read_annotation(file).names if file.is_file() else ():
            if name in column:
                counts[row, column[name]] += 1
    return counts


def balanced_half(counts: NDArray[np.int64], seed: int = 0) -> NDArray[np.bool_]:
    """Which images of ``counts`` (N, K) make one of two halves with about as many images, and boxes of every class.

    Images go, those that weigh most first, to the half that lacks what they show; a box weighs the more the rarer its
    class is.
    """
    everything = np.concatenate([counts, np.ones((len(counts), 1), np.int64)], axis=1)
    shares = everything / np.maximum(everything.sum(axis=0), 1)  # (N, K + 1)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-np.square(shares).sum(axis=1)[order], kind="stable")]
    first, excess = np.zeros(len(counts), np.bool_), np.zeros(shares.shape[1])
    for image in order:
        first[image] = excess @ shares[image] <= 0
        excess += shares[image] if first[image] else -shares[image]
    return first


def imbalance(counts: NDArray[np.int64], first: NDArray[np.bool_]) -> tuple[float, float]:
    """How unevenly the boxes of a class are shared out, ``|a - b| / (a + b)``: the worst class, and the median."""
    one, other = counts[first].sum(axis=0), counts[~first].sum(axis=0)
    there = one + other > 0
    shares = np.abs(one - other)[there] / (one + other)[there]
    return (float(shares.max()), float(np.median(shares))) if there.any() else (0.0, 0.0)


def draw_train(
    lists: Path, annotations: Path, boxes: int, wordnet_ids: Sequence[str], seed: int = 0
) -> tuple[str, ...]:
    """Training photos, sorted, with ``boxes`` boxes of every class, or all there are.

    Candidates are the photos that the lists ``train_1.txt``, ``train_2.txt``, ... of the classes mark with 1; where
    there are no such lists, those of ``train.txt``. A photo is taken with all its boxes, so that a common class has
    more than ``boxes`` where it is seen beside others.
    """
    taken: dict[str, None] = {}
    found: Counter[str] = Counter()
    everywhere = () if list_file(lists, "train_1").is_file() else read_split(lists, "train")
    for number, wordnet_id in enumerate(wordnet_ids, start=1):
        candidates = everywhere or read_positives(lists, f"train_{number}")
        for position in np.random.default_rng((seed, number)).permutation(len(candidates)).tolist():
            if found[wordnet_id] >= boxes:
                break
            file = annotations / f"{candidates[position]}.xml"
            names = read_annotation(file).names if file.is_file() else ()
            if candidates[position] not in taken and wordnet_id in names:
                taken[candidates[position]] = None
                found.update(names)
    return tuple(sorted(taken))
