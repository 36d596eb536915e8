"""What a data set is to the rest of the project, and the one object that every reader returns."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from detection.images import decode_image
from detection.structures import RGBImage, Target

MOST_CHOICES = 40  # names in an error message: all of VOC, not all of ILSVRC

# What becomes of a fault in a file: whoever trains or evaluates stops at it, the doctor takes it down and reads on.
Refuse = Callable[[ValueError], None]


class Dataset(Protocol):
    """Images with their annotated objects; labels index ``class_names``, boxes lie in the upright image."""

    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def ids(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def path(self, index: int) -> Path: ...

    def image(self, index: int) -> RGBImage: ...

    def target(self, index: int) -> Target: ...


@dataclass(frozen=True, eq=False)
class AnnotatedImages:
    """A data set whose targets are in memory and whose photos are on disk; ids, paths and targets go together.

    ``category_ids`` are the numbers, or texts, that the format gives the classes, in their order, where it gives any
    (COCO); ``image_numbers`` those that it gives the images, where they are not 1, 2, 3, ... in their order (ILSVRC);
    ``photos_folder`` the one below which it names the photos' files, where it does (COCO).
    """

    class_names: tuple[str, ...]
    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    targets: tuple[Target, ...]
    category_ids: tuple[int | str, ...] = ()
    image_numbers: tuple[int, ...] = ()
    photos_folder: Path | None = None

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.paths) == len(self.targets):
            raise ValueError(f"{len(self.ids)} ids, {len(self.paths)} paths and {len(self.targets)} targets")
        for what, names in (("image id", self.ids), ("class", self.class_names)):
            if twice := first_repeated(names):
                raise ValueError(f"{what} {twice!r} occurs twice")

    def __len__(self) -> int:
        return len(self.ids)

    def path(self, index: int) -> Path:
        return self.paths[index]

    def image(self, index: int) -> RGBImage:
        return decode_image(self.paths[index])

    def target(self, index: int) -> Target:
        return self.targets[index]


def classes_not_shown(dataset: Dataset, indices: Iterable[int]) -> list[str]:
    """The classes of which these photos have no object that counts: difficult ones and crowds do not."""
    shown: set[int] = set()
    for target in map(dataset.target, indices):
        shown.update(target.labels[~(target.difficult | target.crowd)].tolist())
    return [name for label, name in enumerate(dataset.class_names) if label not in shown]


def stop(fault: ValueError) -> None:
    """The usual :data:`Refuse`: raise."""
    raise fault


def first_repeated(names: Iterable[str]) -> str | None:
    """The first name that was there before; ``None`` where all differ."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def did_you_mean(name: str, choices: Collection[str]) -> str:
    """The end of a message about an unknown name: the nearest choice, then all of them, or many."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    hint = f"did you mean {by_lower_case[near[0]]!r}? " if near else ""
    shown = ", ".join(sorted(choices)[:MOST_CHOICES]) or "none"
    more = f" and {len(choices) - MOST_CHOICES} more" if len(choices) > MOST_CHOICES else ""
    return f"{hint}{'There' if hint else 'there'} are: {shown}{more}"


def check_classes(wanted: Sequence[str], known: Collection[str], place: Path) -> None:
    """Refuse wanted classes of which one is not known to the data set at ``place``, or is named twice."""
    for name in wanted:
        if name not in known:
            raise ValueError(f"{place}: no class {name!r}; {did_you_mean(name, known)}")
    if twice := first_repeated(wanted):
        raise ValueError(f"class {twice!r} is named twice")
