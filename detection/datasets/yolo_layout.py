"""Where a YOLO data set has its photos, its label files and the names of its classes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import yaml

from detection.datasets.base import did_you_mean, first_repeated
from detection.datasets.folder import images_below
from detection.datasets.listing import Files, photos_in, read_lines

DESCRIPTION = "data.yaml"
CLASSES = "classes.txt"
SPLITS = ("train", "val", "test")  # keys of a description
WHOLE = "all"  # the one split of a data set that has none
# Where tools put the names of the classes: Label Studio above the labels, labelImg beside them.
CLASSES_PLACES = (CLASSES, f"labels/{CLASSES}", f"*/{CLASSES}", f"labels/*/{CLASSES}", f"*/labels/{CLASSES}")


@dataclass(frozen=True)
class YoloLayout:
    """``source`` names the classes; ``splits`` are the places of each one's photos: folders, or lists (``*.txt``).

    A place is one of several paths, the first that is there (:func:`yolo_files`).
    """

    root: Path
    source: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, Sequence[Sequence[Path]]]


def is_yolo(folder: Path) -> bool:
    """Whether a folder has a description, or label files where :func:`find_yolo` looks for them."""
    if _description(folder):
        return True
    if (folder / CLASSES).is_file() and any(
        photo.with_suffix(".txt").is_file() for photo in photos_in(folder).values()
    ):
        return True
    label_files = (file for pattern in ("labels/**/*.txt", "*/labels/**/*.txt") for file in folder.glob(pattern))
    return bool(_photo_folders(folder)) and next(label_files, None) is not None


def find_yolo(place: Path) -> YoloLayout:
    """The data set in a folder, or that a file describes. Raises ``FileNotFoundError`` or ``ValueError``."""
    if description := _description(place):
        return _described(description)
    folders = _photo_folders(place) or {WHOLE: place}
    files = [file for pattern in CLASSES_PLACES for file in sorted(place.glob(pattern))]
    if not files:
        how = f"write {DESCRIPTION} (names: [cat, dog]), or {CLASSES} with one a line"
        raise FileNotFoundError(f"{place}: nothing names the classes there: {how}")
    names = {file: _checked(file, [line.strip() for line in read_lines(file) if line.strip()]) for file in files}
    if len(set(names.values())) > 1:
        raise ValueError(f"{place}: files that name other classes: {', '.join(map(str, files))}; keep one of them")
    return YoloLayout(place, files[0], names[files[0]], {name: [[folder]] for name, folder in folders.items()})


def splits_there(layout: YoloLayout) -> list[str]:
    """The splits whose places are there: a description may name others."""
    return [
        split
        for split, places in layout.splits.items()
        if all(any(path.exists() for path in choices) for choices in places)
    ]


def yolo_files(layout: YoloLayout, split: str) -> Files:
    """Ids, label files and photos of a split; a label file may be absent.

    An id is the name of the photo's file without suffix, or, where photos share it, its path below the data set. Raises
    ``FileNotFoundError`` or ``ValueError`` naming the choices, and where there is no photo.
    """
    if split not in layout.splits:
        raise FileNotFoundError(f"{layout.root}: no split {split!r}; {did_you_mean(split, layout.splits)}")
    photos: dict[Path, None] = {}
    for choices in layout.splits[split]:
        there = next((place for place in choices if place.exists()), None)
        if there is None:
            raise FileNotFoundError(
                f"{layout.source}: the photos of {split} shall be at {choices[0]}: nothing is there"
            )
        photos |= dict.fromkeys(_photos_at(there, layout.root))
    folders = {folder: _label_folder(folder) for folder in {photo.parent for photo in photos}}
    files = tuple(folders[photo.parent] / f"{photo.stem}.txt" for photo in photos)
    return _ids(tuple(photos), layout.root), files, tuple(photos)


def _description(place: Path) -> Path | None:
    """The file that describes a data set: the file itself, ``data.yaml``, or the only one that may be it."""
    if place.is_file():
        return place
    if (place / DESCRIPTION).is_file():
        return place / DESCRIPTION
    files = [file for file in sorted(place.glob("*.y*ml")) if _may_describe(file)]
    if len(files) > 1:
        raise ValueError(f"{place}: several files describe a data set, name one: {', '.join(map(str, files))}")
    return files[0] if files else None


def _may_describe(file: Path) -> bool:
    with suppress(ValueError, OSError):
        content = _load(file)
        return "names" in content and any(split in content for split in SPLITS)
    return False


def _load(file: Path) -> Mapping[str, object]:
    text = file.read_bytes()
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{file}: expected keys and values, as names: [cat, dog]; got {str(content)[:60]!r}")
    words = yaml.BaseLoader(text).get_single_data().get("names")  # as they are written: no is a name, not False
    return content | ({"names": words} if isinstance(words, list | dict) else {})


def _described(file: Path) -> YoloLayout:
    """What a description says: ``path``, ``train``, ``val``, ``test``, ``names``, ``nc``."""
    content = _load(file)
    if "kpt_shape" in content:
        raise ValueError(f"{file}: kpt_shape: labels of keypoints are not read; boxes or segments are")
    names = _names(file, content.get("names"))
    if content.get("nc", len(names)) != len(names):
        raise ValueError(f"{file}: nc is {content['nc']!r}, but there are {len(names)} names: {', '.join(names)}")
    path = str(content.get("path") or ".")
    # A relative path goes from the file or, as in ultralytics, from where the program runs; a path that is not there
    # at all was written on another machine, and the folders are looked for beside the file.
    roots = tuple(dict.fromkeys((file.parent / path, Path(path), file.parent)))
    values = {split: content.get(split) for split in SPLITS}
    values["val"] = values["val"] or content.get("validation")
    splits = {split: _places(file, split, value, roots) for split, value in values.items() if value}
    if not splits:
        raise ValueError(f"{file}: says of none of {', '.join(SPLITS)} where its photos are")
    return YoloLayout(file.parent, file, names, splits)


def _names(file: Path, value: object) -> tuple[str, ...]:
    """The names of the classes in the order of their numbers."""
    if isinstance(value, dict):
        if sorted(map(str, value)) != sorted(map(str, range(len(value)))):
            raise ValueError(f"{file}: names must be numbered 0, 1, 2, ...; got {', '.join(map(str, value))}")
        value = [name for _, name in sorted(value.items(), key=lambda item: int(item[0]))]
    if not isinstance(value, list):
        raise ValueError(f"{file}: needs names, the classes in their order, as names: [cat, dog]; got {value!r}")
    return _checked(file, [str(name) for name in value])


def _checked(file: Path, names: Sequence[str]) -> tuple[str, ...]:
    if not all(names) or not names:
        raise ValueError(f"{file}: names no class" if not names else f"{file}: class {names.index('')} has no name")
    if twice := first_repeated(names):
        raise ValueError(f"{file}: class {twice!r} occurs twice")
    return tuple(names)


def _places(file: Path, split: str, value: object, roots: Sequence[Path]) -> list[list[Path]]:
    values = value if isinstance(value, list) else [value]
    entries = [entry for entry in values if isinstance(entry, str)]
    if len(entries) < len(values):
        raise ValueError(f"{file}: {split} must be a folder, a list of folders or a *.txt file; got {value!r}")
    # Roboflow writes ../train/images for the folder beside the file; as ultralytics, where there is no such
    ways = {
        entry: [way for written in _written(entry) for way in (written, written.removeprefix("../"))]
        for entry in entries
    }
    return [[Path(os.path.normpath(root / way)) for root in roots for way in ways[entry]] for entry in entries]


def _written(path: str) -> Sequence[str]:
    """A path as it is written, and as it was meant where Windows wrote it."""
    return tuple(dict.fromkeys((path, path.replace("\\", "/"))))


def _photo_folders(root: Path) -> dict[str, Path]:
    """The folders of photos by split, beside folders of labels: ``images/train`` or ``train/images``, or ``images``."""
    images = root / "images"
    if images.is_dir() and (root / "labels").is_dir():
        inside = sorted(path for path in images.iterdir() if path.is_dir() and not path.name.startswith("."))
        return {WHOLE: images} if photos_in(images) or not inside else {path.name: path for path in inside}
    return {path.parent.name: path for path in sorted(root.glob("*/images")) if path.with_name("labels").is_dir()}


def _photos_at(place: Path, root: Path) -> list[Path]:
    """The photos below a folder, sorted, or of a list, whose paths go from its own folder or from the data set's.

    Of a path that leads nowhere, as one of another machine, the longest end counts that is there and has ``images``.
    """
    if place.is_dir():
        photos = sorted(images_below(place))
    elif place.suffix == ".txt":
        listed = [line.strip() for line in read_lines(place) if line.strip()]
        photos = [_first_there(_ways(line, (place.parent, root))) for line in listed]
    else:
        raise ValueError(f"{place}: neither a folder of photos nor a list of them (*.txt)")
    if not photos:
        raise ValueError(f"{place}: no photo there")
    return photos


def _ways(path: str, roots: Sequence[Path]) -> Iterator[Path]:
    """A path of a list, and its ends that have the last ``images``, the longest first, from each of the roots."""
    yield from (Path(os.path.normpath(root / way)) for way in _written(path) for root in roots)
    parts = _written(path)[-1].split("/")
    last = len(parts) - parts[::-1].index("images") if "images" in parts else 0
    yield from (Path(os.path.normpath(root / "/".join(parts[start:]))) for start in range(1, last) for root in roots)


def _first_there(paths: Iterator[Path]) -> Path:
    """The first path where a file is; the first of all where none is."""
    first = next(paths)
    return next((path for path in chain([first], paths) if path.is_file()), first)


def _label_folder(photos: Path) -> Path:
    """The folder with ``labels`` for the last ``images`` of its path; itself where there is no such folder."""
    parts = photos.parts
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        labels = Path(*parts[:last], "labels", *parts[last + 1 :])
        if labels.is_dir():
            return labels
    return photos


def _ids(photos: Sequence[Path], root: Path) -> tuple[str, ...]:
    """For every photo the shortest of its names that no other has."""
    below = [_below(photo, root) for photo in photos]
    names = [(path.stem, path.with_suffix("").as_posix(), path.as_posix()) for path in below]
    times = [Counter(column) for column in zip(*names, strict=True)]
    return tuple(
        next((name for name, count in zip(row, times, strict=True) if count[name] == 1), row[-1]) for row in names
    )


def _below(photo: Path, root: Path) -> Path:
    """The path of a photo below the data set; of one elsewhere all of it, but never a way out of a folder."""
    path = photo.relative_to(root) if photo.is_relative_to(root) else photo.relative_to(photo.anchor)
    return Path(*(part for part in path.parts if part != ".."))
