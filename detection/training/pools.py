"""The regions that training draws from: those that the finished detector will be shown.

A detector that scores only selected regions must be trained on selected regions: they are harder than what selective
search gives at random. The ranker that selects them must not have seen the photo, or the selection would be better than
it will ever be again; so two rankers are trained, each on one half of the photos, and each selects for the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from detection.boxes import Boxes
from detection.datasets.base import Dataset
from detection.proposals.ranking import RankingSettings, RegionRanker, RegionSelector
from detection.proposals.store import Report
from detection.structures import Proposals, Target
from detection.training.batches import Pool
from detection.training.ranking import RankerTraining, RankingExample, train_ranker
from detection.training.sampling import IGNORED, label_regions


@dataclass(frozen=True)
class RankerRecipe:
    """How rankers are made: the head's settings, its training, how many photos at most, and what looks at them.

    ``selector`` puts a ranker on the trunk whose feature maps it reads. A region that overlaps an object by at least
    ``positive_overlap`` shows it.
    """

    settings: RankingSettings
    training: RankerTraining
    images: int
    selector: Callable[[RegionRanker], RegionSelector]
    report: Report
    positive_overlap: float = 0.5


def make_pool(boxes: Boxes, target: Target, positive_overlap: float = 0.5) -> Pool:
    """Regions and ground truth, labelled; the ground truth counts as proposals (Fast R-CNN's practice)."""
    everything = np.concatenate([boxes, target[~target.crowd].boxes])
    return Pool(everything, label_regions(everything, target, positive_overlap))


def fit_ranker(
    recipe: RankerRecipe, dataset: Dataset, proposals: Sequence[Proposals], indices: Sequence[int], title: str
) -> RegionRanker:
    """A ranker trained on some photos of a data set (a sample of ``recipe.images`` where there are more).

    Photos that are annotated in part have no background to tell objects from, and are left out.
    """
    random = np.random.default_rng(recipe.training.seed)
    whole = [index for index in indices if not dataset.target(index).partial]
    chosen = sorted(random.permutation(np.asarray(whole, np.int64))[: recipe.images].tolist())
    torch.manual_seed(recipe.training.seed)
    ranker = RegionRanker(len(dataset.class_names), recipe.settings)
    selector = recipe.selector(ranker)
    examples = []
    for done, index in enumerate(chosen, start=1):
        pool = make_pool(proposals[index].boxes, dataset.target(index), recipe.positive_overlap)
        if (pool.labels.classes == IGNORED).all():  # a photo of a few pixels may have no region
            continue
        feature_map, factor = selector.look(dataset.image(index))
        boxes = np.asarray(pool.boxes * factor, np.float32)
        examples.append(RankingExample(_compact(feature_map), boxes, pool.labels))
        recipe.report(f"{title}: looking at photos", done, len(chosen))
    train_ranker(ranker, examples, recipe.training, partial(recipe.report, f"{title}: training"))
    return ranker


def _compact(feature_map: Tensor) -> Tensor:
    """Half the memory; a map's precision is bfloat16's anyway."""
    return feature_map.to("cpu", torch.bfloat16)


def select_all(
    recipe: RankerRecipe,
    ranker: RegionRanker,
    dataset: Dataset,
    proposals: Mapping[int, Proposals],
    top: int,
) -> dict[int, Boxes]:
    """The selected regions of the photos whose proposals are given, by index."""
    selector = recipe.selector(ranker)
    chosen = {}
    for done, (index, proposed) in enumerate(proposals.items(), start=1):
        chosen[index] = selector(dataset.image(index), proposed, top).boxes
        recipe.report("selecting regions", done, len(proposals))
    return chosen


def cross_selected(recipe: RankerRecipe, dataset: Dataset, proposals: Sequence[Proposals], top: int) -> list[Boxes]:
    """The ``top`` regions of every photo, selected by a ranker that was trained on the other half of the photos."""
    order = np.random.default_rng(recipe.training.seed).permutation(len(dataset)).tolist()
    order.sort(key=lambda index: dataset.target(index).partial)  # both rankers need photos annotated in full
    halves = order[::2], order[1::2]
    chosen: dict[int, Boxes] = {}
    for number, (mine, others) in enumerate((halves, halves[::-1]), start=1):
        ranker = fit_ranker(recipe, dataset, proposals, others, f"ranker {number} of 2")
        chosen |= select_all(recipe, ranker, dataset, {index: proposals[index] for index in mine}, top)
    return [chosen[index] for index in range(len(dataset))]
