"""Scores of many photos' regions by several models, kept; and what they are worth, written into a model's file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from detection.boxes import Boxes
from detection.build.calibration import fit_calibration
from detection.build.detector import build_detector, files_of, scoring_of, whole_member
from detection.build.model_file import DetectorModel, check_members, read_detector, write_calibration
from detection.build.stored_results import StoredResults, settings_of
from detection.calibration import Calibration
from detection.config import Config, change_config
from detection.detector import RegionDetector
from detection.ensemble.store import Regions, ScoreStore, begin_scores
from detection.heads.members import Member
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import Scoring
from detection.heads.second_look import Looks, second_looks
from detection.images import decode_image
from detection.inference.find import Photo
from detection.inference.models import LAST, weights_hash
from detection.proposals.store import ProposalStore, Report
from detection.runtime import keep_freed_memory
from detection.structures import Proposals, RGBImage


def member_name(file: Path) -> str:
    """What a model's scores are kept under: its run or file, and a hash of its weights."""
    label = re.sub(r"[^\w.-]", "_", file.resolve().parent.name if file.name == LAST else file.stem)
    return f"{label}-{weights_hash(file)}"


def score_photos(
    models: Sequence[str | Path],
    photos: Sequence[Photo],
    out: Path,
    kept: Path | None = None,
    *,
    device: torch.device,
    changes: Sequence[str] = (),
    report: Report,
) -> ScoreStore:
    """Let every model score the same regions of every photo, and keep all that they say in ``out``.

    The first model that ever scored there chose the regions, and what is looked at again: as its config says, or one
    with ``changes``, each a ``section.key=value`` of ``ranking`` or ``detection``. ``kept`` is a proposals store. What
    is there already is left as it is. Raises ``FileNotFoundError`` and ``ValueError``: for a photo that cannot be read,
    models that do not go together, or where another model should have chosen the regions.
    """
    keep_freed_memory()
    files = [file for model in models for file in files_of(model)]
    read = [read_detector(file) for file in files]
    check_members(read, files)
    store = _begin(read[0], files[0], [photo.id for photo in photos], out, changes)
    names = [store.known_as(member_name(file)) for file in files]
    detector = build_detector(read[:1], device, store.facts["ranking"]["top"])
    proposals = ProposalStore(kept, detector.proposer).proposals if kept else None
    members = {name: whole_member(model, device) for name, model in zip(names, read, strict=True)}
    scoring = _Scoring(store, members, detector, proposals, names[0])
    for number, photo in enumerate(photos):
        scoring.score(number, photo)
        report("scoring photos", number + 1, len(photos))
    return store


@dataclass(frozen=True, eq=False)
class _Scoring:
    """The members that score a store's photos; the first one is ``detector``'s, and may choose."""

    store: ScoreStore
    members: Mapping[str, Member]
    detector: RegionDetector
    proposals: Callable[[Path], Proposals] | None  # of a store
    first: str

    @cached_property
    def chooser(self) -> str:
        """The member that chose, or will choose, regions and second looks."""
        return self.store.known_as(self.store.facts["regions"])

    @cached_property
    def rules(self) -> Scoring:
        """The way of scoring by which second looks are chosen."""
        return scoring_of(Config.model_validate({"detection": self.store.facts["detection"]}))

    def score(self, number: int, photo: Photo) -> None:
        """Keep what is not kept yet of a photo."""
        looks = [False, True] if self.rules.second_look else [False]
        if all(self.store.has(name, number, again=again) for name in self.members for again in looks):
            return
        image = decode_image(photo.path)
        regions = self.store.regions(number) or self._choose_regions(number, photo, image)
        self._ask(number, image, regions.boxes)
        if self.rules.second_look:
            boxes = (self.store.looks(number) or self._choose_looks(number, regions)).boxes
            self._ask(number, image, boxes.numpy(), again=True)

    def _ask(self, number: int, image: RGBImage, boxes: Boxes, *, again: bool = False) -> None:
        asked = [name for name in self.members if not self.store.has(name, number, again=again)]
        if asked:
            whole = self.detector.scorer
            scorer = RegionScorer([self.members[name] for name in asked], whole.device, whole.batch_size)
            for name, raw in zip(asked, scorer.raw(image, boxes), strict=True):
                self.store.save(name, number, raw.kept(), again=again)

    def _choose_regions(self, number: int, photo: Photo, image: RGBImage) -> Regions:
        if self.chooser != self.first:
            raise ValueError(f"{self.store.folder}: {photo.id} has no regions yet: score with {self.chooser} first")
        found = self.detector.proposer(image) if self.proposals is None else self.proposals(photo.path)
        regions = Regions(self.detector.select(image, found).boxes, (image.shape[0], image.shape[1]))
        self.store.save_regions(number, regions)
        return regions

    def _choose_looks(self, number: int, regions: Regions) -> Looks:
        raw = self.store.read(self.chooser, number)
        count = self.rules.second_look if self.rules.looks_again(raw) else 0
        looks = second_looks(self.rules(raw, regions.boxes), regions.size, count)
        self.store.save_looks(number, looks)
        return looks


def _begin(first: DetectorModel, file: Path, ids: Sequence[str], out: Path, changes: Sequence[str]) -> ScoreStore:
    config = change_config(first.config, changes)
    facts = {
        "regions": member_name(file),
        "ranking": {"top": config.ranking.top},
        "proposals": first.proposals,
        "detection": config.detection.model_dump(mode="json"),
    }
    joins = ["proposals", *dict.fromkeys(change.partition(".")[0] for change in changes)]
    return begin_scores(out, ids, first.class_names, facts, joins=joins)


def calibrate_models(
    models: Sequence[str | Path], results: StoredResults, into: Path | None, report: Report
) -> tuple[Path, Calibration]:
    """Fit what the models' averaged scores are worth, and write it into a file, which is given too.

    ``results`` are of photos that the models were not trained on; ``into`` is a model that was trained likewise, the
    first one by default. Raises ``ValueError`` where a model has not scored them, or ``into`` knows other classes.
    """
    files = [file for model in models for file in files_of(model)]
    names = tuple(results.store.known_as(member_name(file)) for file in files)
    there = results.store.members
    if missing := [f"{file} ({name})" for file, name in zip(files, names, strict=True) if name not in there]:
        raise ValueError(f"{results.store.folder}: no scores of {', '.join(missing)}; there are {', '.join(there)}")
    written = into or files[0]
    model = read_detector(written)
    if model.class_names != results.store.class_names:
        raise ValueError(f"{written} knows other classes than these scores are of: {', '.join(model.class_names)}")
    (judgement,) = results.judge([(names, settings_of(model.config))], report)
    fitted = fit_calibration(judgement, results.images, len(names))
    write_calibration(written, fitted)
    return written, fitted
