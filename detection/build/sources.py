"""What an experiment reads, from a config and a data set's address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from detection.build.proposers import build_proposer
from detection.config import Config
from detection.datasets.base import Dataset
from detection.datasets.open import open_dataset
from detection.proposals.store import ProposalStore, Report
from detection.structures import Proposals


@dataclass(frozen=True)
class Sources:
    """Photos to train on, photos to choose by (or None), and what gives the proposals of either.

    Photos that nothing can be learnt from are refused here, before hours are spent on their proposals: ``ValueError``.
    """

    train: Dataset
    validation: Dataset | None
    proposals: Callable[[Dataset], Sequence[Proposals]]

    def __post_init__(self) -> None:
        train, validation = self.train, self.validation
        if not any((~target.difficult & ~target.crowd).any() for target in map(train.target, range(len(train)))):
            raise ValueError(
                f"the {len(train)} training photos hold no object that counts (difficult ones and crowds do not): "
                "there is nothing to fine-tune on"
            )
        if validation is None:
            return
        if validation.class_names != train.class_names:
            raise ValueError(
                f"the validation photos have the classes {', '.join(validation.class_names)}, "
                f"those to train on {', '.join(train.class_names)}: name them in data.class_names"
            )
        seen = set(map(train.path, range(len(train))))
        if both := sum(validation.path(index) in seen for index in range(len(validation))):
            raise ValueError(
                f"{both} of the validation photos are among those to train on, and would be judged too well: "
                "name two different splits in data.train_split and data.validation_split"
            )


def open_sources(config: Config, data: str, store: Path, report: Report) -> Sources:
    """The photos and proposals of an experiment; proposals are made when they are first asked for.

    Raises ``FileNotFoundError`` and ``ValueError``, as :func:`open_dataset` and :class:`Sources` do.
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
