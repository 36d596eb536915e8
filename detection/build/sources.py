"""What an experiment reads, from a config and a data set's address."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from detection.build.proposers import build_proposer
from detection.config import Config, DataConfig
from detection.converters.whole_file import whole_file
from detection.datasets.base import AnnotatedImages, Dataset, classes_not_shown, did_you_mean, first_repeated
from detection.datasets.combine import hold_out, in_part, join_datasets, leave_out
from detection.datasets.ilsvrc import det_tree, val_ids
from detection.datasets.listing import find_listed, listed_lines
from detection.datasets.open import find_dataset, open_dataset, training_split
from detection.evaluation.naming import some
from detection.image_names import ImageNames
from detection.proposals.store import ProposalStore, Report
from detection.structures import Proposals
from detection.training.distributed import ALONE, Processes

logger = logging.getLogger(__name__)

HELD_OUT = "held_out"  # the list of the photos that data.validation_split is a share of
RECORD = "lists"  # of a run's folder: where its lists of photos are


class ProposalsOf(Protocol):
    """What gives the proposals of a data set's photos, or of some of them, in the order of ``indices``."""

    def __call__(self, dataset: Dataset, indices: Sequence[int] | None = None) -> Sequence[Proposals]: ...


@dataclass(frozen=True)
class Sources:
    """Photos to train on, photos to choose by (or None), and what gives the proposals of either.

    ``lists`` has the ids of every split that they are of. Photos that nothing can be learnt from are refused here,
    before hours are spent on their proposals: ``ValueError``.
    """

    train: Dataset
    validation: Dataset | None
    proposals: ProposalsOf
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        train, validation = self.train, self.validation
        if len(classes_not_shown(train, range(len(train)))) == len(train.class_names):
            raise ValueError(
                f"the {len(train)} training photos hold no object that counts (difficult ones and crowds do not): "
                "there is nothing to fine-tune on"
            )
        if all(train.target(index).partial for index in range(len(train))):
            raise ValueError(
                f"all {len(train)} training photos are annotated in part, so that none shows what is background: "
                "name a split that is annotated in full as well, as in data.train_split=val1+train1k"
            )
        if validation is None:
            return
        if partial := sum(validation.target(index).partial for index in range(len(validation))):
            raise ValueError(
                f"{partial} of the {len(validation)} validation photos are annotated in part, and would count what is "
                "rightly found in them as wrong: name another split in data.validation_split"
            )
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


def open_sources(config: Config, data: str, store: Path, report: Report, processes: Processes = ALONE) -> Sources:
    """The photos and proposals of an experiment; proposals are made when they are first asked for.

    Raises ``FileNotFoundError`` and ``ValueError``, as :func:`open_dataset` and :class:`Sources` do.
    """
    settings = config.data
    _check_address(data, "data.validation_split", settings.validation_split)
    parts, validation = training_parts(settings, data)
    lists: dict[str, Sequence[str]] = {} if validation is None else {HELD_OUT: validation.ids}
    lists |= {name: part.ids for name, part in parts.items()}
    train = join_datasets(parts)
    if isinstance(settings.validation_split, str):
        there = open_dataset(data, split=settings.validation_split, class_names=train.class_names)
        validation = _without(there, _blacklist(settings, data))
        lists[_name(settings.validation_split)] = validation.ids
    kept = ProposalStore(store, build_proposer(config.proposals))

    def proposals(dataset: Dataset, indices: Sequence[int] | None = None) -> Sequence[Proposals]:
        paths = [dataset.path(index) for index in (range(len(dataset)) if indices is None else indices)]
        if processes.count > 1:  # each makes its share, and finds those of the others
            kept.fill([paths[index] for index in processes.share(len(paths))], report=report)
            processes.wait()
        return kept.fill(paths, report=report)

    sources = Sources(train, validation, proposals, lists)  # which says so where one split is named on both sides
    if config.multibox is None and (never := classes_not_shown(train, range(len(train)))):
        logger.warning("no object of %s counts in the training photos: not to be learnt", some(never))
    chosen_by = _name(settings.validation_split) if isinstance(settings.validation_split, str) else HELD_OUT
    if validation is not None and chosen_by in parts:
        raise ValueError(
            f"data.train_split: {settings.train_split!r} and data.validation_split: {settings.validation_split!r} name "
            f"{chosen_by!r} twice, and a run keeps one list of a name: rename a file"
        )
    return sources


def write_lists(folder: Path, lists: Mapping[str, Sequence[str]]) -> None:
    """Keep the lists of a run's photos in its folder, as the devkits write lists: an id and its number a line."""
    for name, ids in lists.items():
        with whole_file(folder / RECORD / f"{name}.txt") as file:
            file.writelines(f"{image_id} {number}\n" for number, image_id in enumerate(ids, start=1))


def training_parts(settings: DataConfig, data: str) -> tuple[dict[str, AnnotatedImages], AnnotatedImages | None]:
    """The splits to train on by their names, and the photos of them that are held out to validate on, if any are.

    Blacklisted photos are in neither; splits that are annotated in part say so. Raises ``FileNotFoundError`` and
    ``ValueError``, as :func:`open_dataset` does.
    """
    _check_address(data, "data.train_split", settings.train_split)
    splits = settings.train_split.split("+") if settings.train_split else [training_split(data)]
    partial = settings.partial_split.split("+") if settings.partial_split else []
    for name in partial:
        if name not in splits:
            choices = [split for split in splits if split]
            raise ValueError(f"data.partial_split: {name!r} is not in data.train_split; {did_you_mean(name, choices)}")
    if twice := first_repeated(map(_name, splits)):
        raise ValueError(f"data.train_split: {settings.train_split!r} names {twice!r} twice")
    blacklist = _blacklist(settings, data)
    opened = 0
    parts: dict[str, AnnotatedImages] = {}
    for split in splits:
        part = open_dataset(data, split=split, class_names=settings.class_names)
        opened += len(part)
        parts[_name(split)] = _without(in_part(part) if split in partial else part, blacklist)
    if blacklist:
        stay = sum(map(len, parts.values()))
        logger.info("%s: %d training photos left out, %d stay", settings.blacklist, opened - stay, stay)
    share = settings.validation_split
    return _held_out(parts, share) if isinstance(share, float) else (parts, None)


def _check_address(data: str, setting: str, asked: str | float | None) -> None:
    """Refuse a split in the data set's address beside another in a setting."""
    there = find_dataset(data).split
    if there and isinstance(asked, str) and asked != there:
        raise ValueError(
            f"--data {data} names the split {there!r}, but {setting} is {asked!r}: leave ':{there}' out of --data "
            "and name every split in data.train_split and data.validation_split"
        )


def _held_out(parts: Mapping[str, AnnotatedImages], share: float) -> tuple[dict[str, AnnotatedImages], AnnotatedImages]:
    """The splits without a share of the photos of each that is annotated in full, and these photos."""
    kept, held = {}, {}
    for name, part in parts.items():
        in_full = not any(target.partial for target in part.targets)
        kept[name], held[name] = hold_out(part, share if in_full else 0)
    validation = join_datasets(held)
    if not validation or not any(map(len, kept.values())):
        counts = ", ".join(f"{name} {len(part)}" for name, part in parts.items())
        raise ValueError(f"data.validation_split: {share:g} of these photos leaves none on one side: {counts}")
    logger.info(
        "%d photos are held out to validate on, %d stay to train on", len(validation), sum(map(len, kept.values()))
    )
    return kept, validation


def _name(split: str | None) -> str:
    """What the list of a split is called."""
    return Path(split or "train").name.removesuffix(".txt")


def _blacklist(settings: DataConfig, data: str) -> dict[str, str]:
    """What is to be left out, as :func:`find_listed` reads it, by what messages call it.

    These are the lines of the blacklist; of ILSVRC it may have the number of the photo in ``val`` first in its lines,
    as the devkit's has.
    """
    if settings.blacklist is None:
        return {}
    file = Path(settings.blacklist)
    if file.suffix != ".txt" or not file.is_file():
        raise FileNotFoundError(f"data.blacklist: no list {file} (a file *.txt with an id a line)")
    lines = {f"{file}:{number}": line for number, line in listed_lines(file)}
    words = {line.split()[0] for line in lines.values()}
    place = find_dataset(data)
    if place.kind != "ilsvrc" or det_tree(place.path) is None or not any(map(str.isdecimal, words)):
        return lines
    val = val_ids(place.path) or ()
    if wrong := [word for word in sorted(words) if not word.isdecimal() or not 1 <= int(word) <= len(val)]:
        raise ValueError(f"{file}: expected numbers of 1 to {len(val)}, the photos of val, got {wrong[0]!r}")
    return {where: val[int(line.split()[0]) - 1] for where, line in lines.items()}


def _without(dataset: Dataset, blacklist: Mapping[str, str]) -> AnnotatedImages:
    """A data set without the blacklisted photos; those that it does not have are no matter.

    Raises ``ValueError`` where photos of the data set share a name that is listed.
    """
    if not blacklist:
        return leave_out(dataset, set())
    names = ImageNames(dataset.ids, [dataset.path(index) for index in range(len(dataset))])
    listed: set[str] = set()
    for where, line in blacklist.items():
        found = find_listed(line, names)
        if len(found) > 1:
            raise ValueError(f"{where}: image {line!r}: {len(found)} photos have this name")
        listed.update(names.ids[position] for position in found)
    return leave_out(dataset, listed)
