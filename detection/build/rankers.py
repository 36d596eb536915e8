"""The rankers of an experiment: for the regions that are trained on, for validation, and for a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from backbone.googlenet import GoogLeNet
from backbone.inference import prepare_for_inference
from backbone.preprocessing import Preprocessing
from detection.boxes import Boxes
from detection.build.detector import build_selector
from detection.build.model_file import map_of
from detection.config import Config
from detection.datasets.base import Dataset
from detection.proposals.ranking import RankingSettings, RegionRanker
from detection.proposals.store import Report
from detection.structures import Proposals
from detection.training.pools import RankerRecipe, cross_selected, fit_ranker, select_all
from detection.training.ranking import RankerTraining


@dataclass(frozen=True)
class Rankers:
    """Makes rankers on the training photos, each on the maps of the network that it will go with."""

    config: Config
    train: Dataset
    proposals: Sequence[Proposals]
    preprocessing: Preprocessing
    device: torch.device
    report: Report

    def training_regions(self, network: GoogLeNet) -> list[Boxes]:
        """The regions of every training photo; none is chosen by a ranker that was trained on the photo."""
        return cross_selected(self._recipe(network), self.train, self.proposals, self.config.ranking.pool)

    def select(
        self, network: GoogLeNet, photos: Dataset, proposals: Mapping[int, Proposals], top: int
    ) -> dict[int, Boxes]:
        """The selected regions of some other photos, by index."""
        ranker = self.fit(network, "validation ranker")
        return select_all(self._recipe(network), ranker, photos, proposals, top)

    def fit(self, network: GoogLeNet, title: str) -> RegionRanker:
        """A ranker on the maps of ``network``, trained on all training photos."""
        return fit_ranker(self._recipe(network), self.train, self.proposals, range(len(self.train)), title)

    def _recipe(self, network: GoogLeNet) -> RankerRecipe:
        ranking, training = self.config.ranking, self.config.training
        quick = prepare_for_inference(network, self.device)
        read = map_of(quick, ranking.stage, size=64)
        settings = RankingSettings(
            image_size=ranking.image_size,
            stage=ranking.stage,
            stride=read.stride,
            channels=read.channels,
            overlap=ranking.overlap,
        )
        return RankerRecipe(
            settings,
            RankerTraining(epochs=ranking.epochs, seed=ranking.seed),
            ranking.images,
            partial(build_selector, quick, preprocessing=self.preprocessing, device=self.device),
            self.report,
            training.positive_overlap,
        )
