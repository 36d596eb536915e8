"""Results from stored region scores: any members averaged, under any settings, judged without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from detection.build.detector import scoring_of, suppression_of
from detection.config import Config
from detection.config_file import change_config, stored_config
from detection.datasets.base import did_you_mean
from detection.ensemble.judging import Settings, stored_detections
from detection.ensemble.store import ScoreStore, open_scores
from detection.evaluation.ensemble_gain import Subset
from detection.evaluation.judgement import Judgement
from detection.evaluation.tables import DetectionTable
from detection.proposals.store import Report
from detection.report.question import Question, ask, protocols_of


@dataclass(frozen=True, eq=False)
class StoredResults:
    """Scores, and the question that they answer: the models' classes on photos of the store."""

    store: ScoreStore
    question: Question
    protocol: str

    @property
    def images(self) -> int:
        return len(self.question.images)

    def judge(self, wanted: Sequence[tuple[Subset, Settings]], report: Report) -> list[Judgement]:
        """The verdicts on each choice of members and settings."""
        number = {id: place for place, id in enumerate(self.store.ids)}
        photos = [number[id] for id in self.question.ids]
        found = stored_detections(
            self.store, photos, wanted, lambda done: report("suppressing", done, len(self.question.images))
        )
        return [self.question.judge(self.protocol, DetectionTable.of(each)) for each in found]

    def settings(self, changes: Sequence[str] = (), *, idle: bool = False) -> Settings:
        """The detection settings of the model that chose the regions, with ``key=value`` changes, which may be ``idle``
        as in :func:`detection.config_file.change_config`.
        """
        own = stored_config({"detection": self.store.facts["detection"]}, self.store.folder)
        return settings_of(change_config(own, [f"detection.{change}" for change in changes], idle=idle))


def settings_of(config: Config) -> Settings:
    """What a config says of scores and suppression."""
    return scoring_of(config), suppression_of(config)


def stored_results(
    scores: Path, data: str, split: str | None, protocol: str | None, top: int | None = None
) -> StoredResults:
    """What is asked of stored scores; ``data`` and ``split`` as tools/evaluate.py takes them.

    ``top``: of a photo's regions only so many count. Raises ``FileNotFoundError`` and ``ValueError``: for photos
    without scores, classes the data do not have, several protocols.
    """
    store = open_scores(scores)
    store = store if top is None else store.first(top)
    if not store.members:
        raise ValueError(f"{scores}: no model has scored these regions: tools/ensemble.py score MODEL goes on")
    question = ask(data, split, None, None, scores, store.class_names)
    labels = []
    for name in store.class_names:
        if (label := question.names.label(name)) is None:
            known = question.names.names
            raise ValueError(f"{data}: no class {name!r}, which the models know; {did_you_mean(name, known)}")
        labels.append(label)
    question = question.only(labels)
    if unscored := set(question.ids) - set(store.ids):
        raise ValueError(
            f"{scores}: {len(unscored)} of the {len(question.ids)} photos have no scores, such as {min(unscored)!r} "
            "(is --split the part that was scored?)"
        )
    wanted = protocol or question.usual_protocols.split(",")[0]
    name, *others = protocols_of(wanted)
    if others:
        raise ValueError(f"--protocol {wanted}: choose one, {name} or {' or '.join(others)}")
    return StoredResults(store, question, name)


def combinations_of(tries: Sequence[str]) -> list[list[str]]:
    """Every combination of ``key=value,value`` lists as ``key=value`` changes."""
    columns = []
    for one in tries:
        key, equals, values = one.partition("=")
        if not equals or not values:
            raise ValueError(f"--try {one}: expected KEY=VALUE,VALUE such as suppression=0.2,0.3")
        columns.append([f"{key}={value}" for value in values.split(",")])
    return [list(changes) for changes in product(*columns)]
