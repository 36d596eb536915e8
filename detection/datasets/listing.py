"""Which images a data set has: lists of ids in text files, and photos in folders."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from detection.datasets.base import Refuse, did_you_mean, stop
from detection.image_names import ImageNames, without_suffix
from detection.images import IMAGE_SUFFIXES

logger = logging.getLogger(__name__)

TRAIN = re.compile(r"train(20\d\d)?")  # train, and COCO's train2017
QUOTED = re.compile(r'"(.+?)"(?!\S)')  # at the beginning of a line
INDEX = re.compile(r"-?\d+")
Files = tuple[tuple[str, ...], tuple[Path, ...], tuple[Path, ...]]  # ids, annotations, photos


def split_names(folder: Path) -> tuple[str, ...]:
    """The names of the lists in a folder, sorted: ``train.txt`` is ``train``."""
    return tuple(sorted(path.stem for path in folder.glob("*.txt") if not is_hidden(path)))


def is_list(split: str | None) -> bool:
    """Whether what stands for a split is the path of a list."""
    return split is not None and split.endswith(".txt")


def list_file(folder: Path, split: str) -> Path:
    """The list of a split: ``<split>.txt`` in the folder, or the file that a path to a list (``*.txt``) names."""
    return Path(split) if is_list(split) else folder / f"{split}.txt"


def read_split(folder: Path, split: str, refuse: Refuse = stop, names: ImageNames | None = None) -> tuple[str, ...]:
    """The image ids of a split's list (:func:`list_file`), in its order.

    A line names one of ``names``, those of the images there are (:func:`find_listed`). One that names none of them, as
    where they are not known, is an id up to its first blank, without the suffix of a photo's file; words behind it are
    ignored (the devkits write an index, or 1, 0 or -1 for one class). Raises ``FileNotFoundError`` naming the splits
    there are, and ``ValueError`` where no id is. A line that several images could be, and an id that occurs twice, is
    refused; where ``refuse`` returns, the former is left out and the latter taken once.
    """
    path = list_file(folder, split)
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: no split {split!r}; {did_you_mean(split, split_names(folder))}")
    times: Counter[str] = Counter()
    for number, line in listed_lines(path):
        found = find_listed(line, names) if names else ()
        if len(found) > 1:
            refuse(ValueError(f"{path}:{number}: image {line!r}: {len(found)} photos have this name"))
        elif names and found:
            times[names.ids[found[0]]] += 1
        else:
            times[without_suffix(_first_word(line).replace("\\", "/"))] += 1
    for id in (id for id, count in times.items() if count > 1):
        refuse(ValueError(f"{path}: lists image {id!r} twice"))
    return tuple(times)


def read_positives(folder: Path, split: str) -> tuple[str, ...]:
    """The image ids that the list of a class marks with 1; the devkits mark others with 0 or -1.

    Raises ``FileNotFoundError`` and ``ValueError`` as :func:`read_split` does; that none is marked is legal.
    """
    read_split(folder, split)
    marks = (line.split()[:2] for _, line in listed_lines(list_file(folder, split)))
    return tuple(words[0] for words in marks if words[1:] == ["1"])


def read_numbers(folder: Path, split: str) -> tuple[int, ...]:
    """The numbers by which a list counts its images, in its order; empty where it does not say other than 1, 2, 3, ...

    The devkit takes an image's number from there. Labels, 1 or -1 for one class, are no numbers: they repeat.
    """
    if not list_file(folder, split).is_file():  # a split that was drawn
        return ()
    words = [line.split()[1:] for _, line in listed_lines(list_file(folder, split))]
    numbers = tuple(int(others[0]) for others in words if len(others) == 1 and others[0].isdecimal())
    counts = len(set(numbers)) == len(words) and min(numbers) >= 1
    return numbers if counts and numbers != tuple(range(1, len(words) + 1)) else ()


def read_selection(path: Path, ids: Sequence[str]) -> list[int]:
    """Positions among ``ids`` of the images of a list, sorted; each line names one of them (:func:`find_listed`).

    Raises as :func:`read_positions`, but for an image that was listed before.
    """
    return sorted({position for *_, position in _positions(path, ImageNames(ids))})


def read_positions(path: Path, names: ImageNames) -> list[int]:
    """Positions of the images of a list in its order; each line names one of them (:func:`find_listed`).

    Raises ``FileNotFoundError``, and ``ValueError`` naming file and line of an image that is not there, shares its
    name with others, or was listed before, and where no image is listed.
    """
    chosen: dict[int, None] = {}
    for number, line, position in _positions(path, names):
        if position in chosen:
            raise ValueError(f"{path}:{number}: lists image {line!r} twice")
        chosen[position] = None
    return list(chosen)


def find_listed(line: str, names: ImageNames) -> Sequence[int]:
    """Positions of the images that a line of a list may name, as :meth:`ImageNames.find`.

    It may be an id or a photo's file, with blanks in it, in quotes (Datumaro), with an index behind it (the devkits).
    """
    text = line.strip()
    quoted = QUOTED.match(text)
    before, _, last = text.rpartition(" ")
    texts = (text, *(quoted.groups() if quoted else ()), *([before.strip()] if INDEX.fullmatch(last) else ()))
    return names.find(*texts) or names.find(_first_word(text))


def _first_word(line: str) -> str:
    """What a line names at the least: what is in quotes, or comes before a blank."""
    quoted = QUOTED.match(line)
    return quoted[1] if quoted else line.split(maxsplit=1)[0]


def _positions(path: Path, names: ImageNames) -> Iterator[tuple[int, str, int]]:
    """The lines of a list, their numbers before them, and the positions of their images behind them."""
    for number, line in listed_lines(path):
        found = find_listed(line, names)
        if not found:
            raise ValueError(f"{path}:{number}: image {line!r} is not among the {len(names)} of the data set")
        if len(found) > 1:
            raise ValueError(f"{path}:{number}: image {line!r}: {len(found)} photos have this name")
        yield number, line, found[0]


def listed_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a list that are not blank, without the blanks around them, and their numbers from 1.

    Raises ``FileNotFoundError``, and ``ValueError`` where there is none.
    """
    lines = [(number, line.strip()) for number, line in enumerate(read_lines(path), start=1) if line.strip()]
    if not lines:
        raise ValueError(f"{path}: lists no image")
    return lines


def read_lines(path: Path) -> list[str]:
    """The lines of a text file. Raises ``FileNotFoundError``, and ``ValueError`` where it is no text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text: {error}") from error
    if "\0" in text:
        raise ValueError(f"{path}: not text: it holds a zero byte")
    return text.splitlines()


def choose_split(place: Path, choices: Sequence[str]) -> str:
    """The split of a data set that is taken where none is named, which is logged.

    It is ``trainval``, or the one that is called ``train`` or like ``train2017``, or the only one there is. Raises
    ``ValueError`` that says how to name one.
    """
    usual = [name for name in choices if TRAIN.fullmatch(name)]
    taken = ["trainval"] if "trainval" in choices else usual if len(usual) == 1 else list(choices)
    if len(taken) > 1:
        how = f"as --data {place}:{taken[0]}, or --set data.train_split={taken[0]} to train on it"
        raise ValueError(f"{place}: name a split: {', '.join(choices)}; {how}")
    logger.info("%s: no split named, taking %s", place, taken[0])
    return taken[0]


def is_hidden(path: Path) -> bool:
    """Whether a file is no one's data: macOS leaves ``._a.xml`` beside ``a.xml`` on disks and in archives of others."""
    return path.name.startswith(".")


def xml_files(folder: Path, pattern: str = "*.xml") -> Iterator[Path]:
    """The files of a folder that fit a pattern, in no order; hidden ones, and those in hidden folders, are left out."""
    depth = len(folder.parts)
    for path in folder.glob(pattern):
        if not any(part.startswith(".") for part in path.parts[depth:]):
            yield path


def photos_in(folder: Path) -> dict[str, Path]:
    """The image files directly in a folder by their names without suffix; empty where there is no such folder."""
    if not folder.is_dir():
        return {}
    files = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path))
    return {path.stem: path for path in sorted(files, reverse=True)}  # of a.jpg and a.png the first


def check_photos(paths: Sequence[Path]) -> None:
    """Refuse a data set of which some photos are on disk and others are not.

    All of them may be absent: annotations alone are enough to evaluate with. Raises ``FileNotFoundError``.
    """
    folders = {path.parent for path in paths}
    present = {folder: {path.name for path in folder.iterdir()} for folder in folders if folder.is_dir()}
    missing = [path for path in paths if path.name not in present.get(path.parent, ())]
    if missing and len(missing) < len(paths):
        raise FileNotFoundError(f"{len(missing)} of {len(paths)} photos are missing, the first is {missing[0]}")
