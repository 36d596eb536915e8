"""Photos of which each shows one class: ImageNet's folders, one a class, or a list of files and class numbers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

LIST = "labels.txt"
WORDNET_ID = re.compile(r"n\d{8}")
MOST_NAMES = 10  # in an error message


class UnknownClassError(ValueError):
    """A folder whose name is no class."""


@dataclass(frozen=True)
class LabelledPhotos:
    """N photos; ``labels[i]`` is the class of ``paths[i]``, an index of ``class_names``."""

    class_names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def digest(self) -> str:
        """What tells one set from another: classes, file names and labels, not pixels (16 hexadecimal digits)."""
        lines = (f"{label} {path.parent.name}/{path.name}" for path, label in zip(self.paths, self.labels, strict=True))
        return hashlib.sha256("\n".join((*self.class_names, *lines)).encode()).hexdigest()[:16]


def class_folders(root: Path, suffixes: Collection[str], class_names: Sequence[str] | None = None) -> LabelledPhotos:
    """The photos of ``root/<class>/``, subfolders included, whose suffix is among ``suffixes``, sorted by path.

    Without ``class_names`` the classes are the folders in sorted order; with them, every folder is one of them, by its
    name or by the WordNet id that a name begins with (``n01440764 tench``), and a class may have no folder.
    Raises ``FileNotFoundError``, and ``ValueError`` where a class has no photo or no name.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no folder {root}")
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    if not folders:
        raise ValueError(f"{root}: no folders there; expected one a class, {root}/<class>/<photo>")
    names = [folder.name for folder in folders]
    numbers = _numbers(root, names, class_names) if class_names is not None else list(range(len(names)))
    paths: list[Path] = []
    labels: list[int] = []
    for folder, number in zip(folders, numbers, strict=True):
        found = sorted(path for path in folder.rglob("[!.]*") if path.suffix.lower() in suffixes)
        if not found:
            raise ValueError(f"{folder}: a class without a photo (looked for {', '.join(sorted(suffixes))})")
        paths += found
        labels += [number] * len(found)
    return LabelledPhotos(tuple(names if class_names is None else class_names), tuple(paths), tuple(labels))


def listed_photos(root: Path, class_names: Sequence[str]) -> LabelledPhotos:
    """The photos of ``root/labels.txt``: a file and a class number counted from 0 a line, as Caffe's lists are.

    A file lies beside the list or in ``JPEGImages``; blanks or a tab stand before the number. Raises
    ``FileNotFoundError``, and ``ValueError`` with file and line.
    """
    listing = root / LIST
    photos = root / "JPEGImages" if (root / "JPEGImages").is_dir() else root
    paths: list[Path] = []
    labels: list[int] = []
    for number, line in enumerate(_text(listing).splitlines(), start=1):
        name, label = (*line.strip().rsplit(maxsplit=1), "", "")[:2]
        if not label.isdecimal() or int(label) >= len(class_names):
            raise ValueError(
                f"{listing}, line {number}: expected a file and a class number below {len(class_names)}, got {line!r}"
            )
        paths.append(photos / name)
        labels.append(int(label))
    if not paths:
        raise ValueError(f"{listing} is empty")
    return LabelledPhotos(tuple(class_names), tuple(paths), tuple(labels))


def open_photos(root: Path, suffixes: Collection[str], class_names: Sequence[str]) -> LabelledPhotos:
    """A labelled set in either form: ``root/labels.txt``, or the folders of ``root/val`` or of ``root``."""
    if (root / LIST).is_file():
        return listed_photos(root, class_names)
    return class_folders(root / "val" if (root / "val").is_dir() else root, suffixes, class_names)


def read_class_names(path: Path) -> tuple[str, ...]:
    """The classes of a text file, one a line in their order (such as ``synset_words.txt``); blank lines are none.

    Raises ``FileNotFoundError``, and ``ValueError`` where there is no name in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file of class names {path}")
    names = tuple(line.strip() for line in _text(path).splitlines() if line.strip())
    if not names:
        raise ValueError(f"{path}: no class names in it; expected one a line")
    return names


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a mark


def _numbers(root: Path, folders: Sequence[str], class_names: Sequence[str]) -> list[int]:
    """The class that each folder holds."""
    first_words = [(*name.split(), "")[0] for name in class_names]
    by_name = {word: number for number, word in enumerate(first_words) if WORDNET_ID.fullmatch(word)}
    by_name |= {name: number for number, name in enumerate(class_names)}
    unknown = [name for name in folders if name not in by_name]
    if not unknown:
        return [by_name[name] for name in folders]
    if len(folders) == len(class_names) and all(map(WORDNET_ID.fullmatch, folders)):
        return list(range(len(folders)))  # ImageNet's publishers order the classes by WordNet id
    shown = ", ".join(class_names[:MOST_NAMES]) + (", ..." if len(class_names) > MOST_NAMES else "")
    raise UnknownClassError(f"{root}: folder {unknown[0]!r} is none of the {len(class_names)} classes ({shown})")
