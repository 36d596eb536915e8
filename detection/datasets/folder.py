"""A plain folder of photos: images to look at, with nothing known about their objects."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from detection.datasets.base import AnnotatedImages
from detection.images import IMAGE_SUFFIXES
from detection.structures import Target


def open_folder(folder: Path, class_names: Sequence[str] | None = None) -> AnnotatedImages:
    """Every image below a folder, or one image file; an id is the path below the folder, with forward slashes.

    Sorted by id; hidden files and folders are left out. All targets are empty, and there are no classes unless given.
    Raises ``FileNotFoundError`` where nothing is there, ``ValueError`` where no image is.
    """
    if not folder.exists():
        raise FileNotFoundError(f"no file or folder {folder}")
    root = folder if folder.is_dir() else folder.parent
    paths = {path.relative_to(root).as_posix(): path for path in images_below(folder)}
    if not paths:
        raise ValueError(f"{folder}: no image there (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
    ids = tuple(sorted(paths))
    nothing = Target(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    return AnnotatedImages(tuple(class_names or ()), ids, tuple(paths[name] for name in ids), (nothing,) * len(ids))


def has_images(folder: Path) -> bool:
    """Whether :func:`open_folder` would find an image."""
    return next(images_below(folder), None) is not None


def images_below(path: Path) -> Iterator[Path]:
    """The image files below a folder, hidden ones left out, or the one file, in no order."""
    if path.is_file():
        yield path
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        shown = (Path(folder, name) for name in names if not name.startswith("."))
        yield from (image for image in shown if image.suffix.lower() in IMAGE_SUFFIXES)
