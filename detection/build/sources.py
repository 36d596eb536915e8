"""What an experiment reads, from a config and a data set's address."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detection.build.experiment import Sources
from detection.build.proposers import build_proposer
from detection.config import Config
from detection.datasets.base import Dataset
from detection.datasets.open import open_dataset
from detection.proposals.store import ProposalStore, Report
from detection.structures import Proposals


def open_sources(config: Config, data: str, store: Path, report: Report) -> Sources:
    """The photos and proposals of an experiment; proposals are made when they are first asked for.

    Raises ``FileNotFoundError`` and ``ValueError`` from :func:`detection.datasets.open.open_dataset`.
    """
    settings = config.data
    train = open_dataset(data, split=settings.train_split, class_names=settings.class_names)
    validation = None
    if settings.validation_split is not None:
        validation = open_dataset(data, split=settings.validation_split, class_names=train.class_names)
    kept = ProposalStore(store, build_proposer(config.proposals))

    def proposals(dataset: Dataset) -> Sequence[Proposals]:
        return kept.fill([dataset.path(index) for index in range(len(dataset))], report=report)

    return Sources(train, validation, proposals)
