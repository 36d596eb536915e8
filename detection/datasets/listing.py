"""Which images a data set has: lists of ids in text files, and photos in folders."""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath

from detection.datasets.base import Refuse, did_you_mean, stop
from detection.images import IMAGE_SUFFIXES

logger = logging.getLogger(__name__)

TRAIN = re.compile(r"train(20\d\d)?")  # train, and COCO's train2017
Files = tuple[tuple[str, ...], tuple[Path, ...], tuple[Path, ...]]  # ids, annotations, photos


def split_names(folder: Path) -> tuple[str, ...]:
    """The names of the lists in a folder, sorted: ``train.txt`` is ``train``."""
    return tuple(sorted(path.stem for path in folder.glob("*.txt")))


def is_list(split: str | None) -> bool:
    """Whether what stands for a split is the path of a list."""
    return split is not None and split.endswith(".txt")


def list_file(folder: Path, split: str) -> Path:
    """The list of a split: ``<split>.txt`` in the folder, or the file that a path to a list (``*.txt``) names."""
    return Path(split) if is_list(split) else folder / f"{split}.txt"


def read_split(folder: Path, split: str, refuse: Refuse = stop) -> tuple[str, ...]:
    """The image ids of a split's list (:func:`list_file`), in its order.

    The first word of a line is the id; a second is ignored (the devkits write an index, or 1, 0 or -1 for one class).
    Raises ``FileNotFoundError`` naming the splits there are, and ``ValueError`` where no id is. One that occurs twice
    is refused, and taken once where ``refuse`` returns.
    """
    path = list_file(folder, split)
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: no split {split!r}; {did_you_mean(split, split_names(folder))}")
    ids = tuple(line.split()[0] for line in read_lines(path) if line.strip())
    if not ids:
        raise ValueError(f"{path}: lists no image")
    times = Counter(ids)
    for id in (id for id, count in times.items() if count > 1):
        refuse(ValueError(f"{path}: lists image {id!r} twice"))
    return tuple(times)


def read_positives(folder: Path, split: str) -> tuple[str, ...]:
    """The image ids that the list of a class marks with 1; the devkits mark others with 0 or -1.

    Raises ``FileNotFoundError`` and ``ValueError`` as :func:`read_split` does; that none is marked is legal.
    """
    read_split(folder, split)
    marks = (line.split()[:2] for line in read_lines(list_file(folder, split)) if line.strip())
    return tuple(words[0] for words in marks if words[1:] == ["1"])


def read_selection(path: Path, ids: Sequence[str]) -> list[int]:
    """Positions among ``ids`` of the images of a list, an id a line, sorted; a second word is the devkits' index.

    Raises ``FileNotFoundError``, and ``ValueError`` naming file and line of an image that is not among ``ids``,
    or where no image is listed.
    """
    position = {image: index for index, image in enumerate(ids)}
    chosen = set()
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        image = line.strip() if line.strip() in position else line.split()[0]
        if image not in position:
            raise ValueError(f"{path}:{number}: image {image!r} is not among the {len(position)} of the data set")
        chosen.add(position[image])
    if not chosen:
        raise ValueError(f"{path}: lists no image")
    return sorted(chosen)


def read_positions(path: Path, ids: Sequence[str], photos: Sequence[Path]) -> list[int]:
    """Positions of the images of a list in its order; a line is an id, or a photo's file, with or without its folder.

    A word behind it is the devkits' index. Raises ``FileNotFoundError``, and ``ValueError`` naming file and line of an
    image that is not there, shares its name with others, or was listed before, and where no image is listed.
    """
    position = {image: index for index, image in enumerate(ids)}
    named: dict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        for name in {photo.name, photo.stem}:
            named[name].append(index)
    chosen: dict[int, None] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        text = line.strip()  # an id that may hold blanks, perhaps with a number behind it, or a path
        names = (text, text.rpartition(" ")[0], text.split()[0], PurePath(text).name)
        known = (([position[name]] if name in position else named.get(name)) for name in names)
        found = next(filter(None, known), [])
        if len(found) != 1:
            several = f"{len(found)} photos have this name" if found else f"not among the {len(ids)} of the data set"
            raise ValueError(f"{path}:{number}: image {text!r}: {several}")
        if found[0] in chosen:
            raise ValueError(f"{path}:{number}: lists image {text!r} twice")
        chosen[found[0]] = None
    if not chosen:
        raise ValueError(f"{path}: lists no image")
    return list(chosen)


def is_misnumbered(folder: Path, split: str) -> bool:
    """Whether there is a list that counts its images, but not as 1, 2, 3, ... in the order of its lines."""
    if not list_file(folder, split).is_file():  # a split that was drawn
        return False
    words = [line.split() for line in read_lines(list_file(folder, split)) if line.strip()]
    numbers = {" ".join(others): number for number, (_, *others) in enumerate(words, start=1)}
    counts = len(numbers) == len(words) > 1  # labels, 1 or -1, repeat
    return counts and any(text != str(number) for text, number in numbers.items())


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


def photos_in(folder: Path) -> dict[str, Path]:
    """The image files directly in a folder by their names without suffix; empty where there is no such folder."""
    if not folder.is_dir():
        return {}
    files = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
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
