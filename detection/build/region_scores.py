"""Scores of many photos' regions by several models, kept; and what they are worth, written into a model's file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

from detection.build.calibration import fit_calibration
from detection.build.detector import build_detector, files_of, whole_member
from detection.build.model_file import DetectorModel, check_members, read_detector, write_calibration
from detection.build.stored_results import StoredResults, settings_of
from detection.calibration import Calibration
from detection.ensemble.store import Regions, ScoreStore, begin_scores, same_weights
from detection.heads.region_scorer import RegionScorer
from detection.images import decode_image
from detection.inference.find import Photo
from detection.inference.models import LAST, is_bundled, weights_hash
from detection.proposals.store import ProposalStore, Report


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
    top: int | None = None,
    report: Report,
) -> ScoreStore:
    """Let every model score the same regions of every photo, and keep all that they say in ``out``.

    The first model that ever scored there chose the regions; ``kept`` is a proposals store. What is there already is
    left as it is. Raises ``FileNotFoundError`` and ``ValueError``: for a photo that cannot be read, models that do not
    go together, or where another model should have chosen the regions.
    """
    files = [file for model in models for file in files_of(model)]
    read = [read_detector(file) for file in files]
    check_members(read, files)
    store = _begin(read[0], files[0], [photo.id for photo in photos], out, top)
    names = [store.known_as(member_name(file)) for file in files]
    detector = build_detector(read[:1], device, store.facts["top"])
    members = {name: whole_member(model, device) for name, model in zip(names, read, strict=True)}
    proposals = ProposalStore(kept, detector.proposer).proposals if kept else None

    @cache
    def scorer_of(asked: tuple[str, ...]) -> RegionScorer:
        return RegionScorer([members[name] for name in asked], device, detector.scorer.batch_size)

    chooses = same_weights(store.facts["regions"], names[0])
    for number, photo in enumerate(photos):
        asked = tuple(name for name in members if not store.has(name, number))
        regions = store.regions(number)
        if asked or regions is None:
            image = decode_image(photo.path)
            if regions is None:
                if not chooses:
                    raise ValueError(f"{out}: {photo.id} has no regions yet: score with {store.facts['regions']} first")
                found = detector.proposer(image) if proposals is None else proposals(photo.path, image)
                regions = Regions(detector.select(image, found).boxes, (image.shape[0], image.shape[1]))
                store.save_regions(number, regions)
            if asked:
                for name, raw in zip(asked, scorer_of(asked).raw(image, regions.boxes), strict=True):
                    store.save(name, number, raw.kept())
        report("scoring photos", number + 1, len(photos))
    return store


def _begin(first: DetectorModel, file: Path, ids: Sequence[str], out: Path, top: int | None) -> ScoreStore:
    facts = {
        "regions": member_name(file),
        "top": top or first.config.ranking.top,
        "proposals": first.proposals,
        "detection": first.config.detection.model_dump(mode="json"),
    }
    joins = ["proposals", *(["top"] if top else [])]
    return begin_scores(out, ids, first.class_names, facts, joins=joins)


def calibrate_models(
    models: Sequence[str | Path], results: StoredResults, into: Path | None, report: Report
) -> tuple[Path, Calibration]:
    """Fit what the models' averaged scores are worth, and write it into a file, which is given too.

    ``results`` are of photos that the models were not trained on; ``into`` is a model that was trained likewise, the
    first one by default. Raises ``ValueError`` where a model has not scored them, ``into`` knows other classes, or the
    file comes with the package.
    """
    files = [file for model in models for file in files_of(model)]
    names = tuple(results.store.known_as(member_name(file)) for file in files)
    there = results.store.members
    if missing := [f"{file} ({name})" for file, name in zip(files, names, strict=True) if name not in there]:
        raise ValueError(f"{results.store.folder}: no scores of {', '.join(missing)}; there are {', '.join(there)}")
    written = into or files[0]
    if is_bundled(written):
        raise ValueError(f"{written} comes with the package: copy it, and give the copy as model or with --into")
    model = read_detector(written)
    if model.class_names != results.store.class_names:
        raise ValueError(f"{written} knows other classes than these scores are of: {', '.join(model.class_names)}")
    (judgement,) = results.judge([(names, settings_of(model.config))], report)
    fitted = fit_calibration(judgement, results.images, len(names))
    write_calibration(written, fitted)
    return written, fitted
