"""YOLO: a text file of labels a photo, in the layouts of ultralytics, Roboflow, Label Studio and labelImg.

Read as they are:

* a ``data.yaml`` (by whatever name, if it is the only one) with ``names`` and ``train``, ``val``, ``test``: each a
  folder, a list of folders, or a ``.txt`` file of photos; from ``path``, or from the file's own folder; paths may be
  those of another machine;
* without one, ``images/<split>`` and ``labels/<split>``, or ``<split>/images`` and ``<split>/labels``, or ``images``
  and ``labels``, or label files beside their photos, and the names of the classes in ``classes.txt``.

The label file of a photo is where ultralytics looks for it: in the path, ``labels`` instead of the last ``images``, and
the suffix ``.txt``. A photo without one has no objects. Coordinates are shares of the sides of the upright photo, so
that every annotated photo is asked for its size. Labels follow the order of the names.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from detection.datasets.base import AnnotatedImages, check_classes
from detection.datasets.fit import Overhang, fit_boxes, warn_of_cuts
from detection.datasets.listing import check_photos, choose_split
from detection.datasets.yolo_labels import FlatBoxError, LabelFile, read_labels
from detection.datasets.yolo_layout import find_yolo, yolo_files
from detection.images import image_size
from detection.structures import Target

logger = logging.getLogger(__name__)


def open_yolo(place: Path, split: str | None = None, class_names: Sequence[str] | None = None) -> AnnotatedImages:
    """The photos of a split with their objects; ``place`` is a folder or the file that describes the data set.

    The classes are all that are named, or ``class_names``: objects of others are then left out. Raises
    ``FileNotFoundError`` or ``ValueError`` naming the file, the line and the choices.
    """
    layout = find_yolo(place)
    if class_names is not None:
        check_classes(class_names, layout.class_names, layout.source)
    classes = tuple(layout.class_names if class_names is None else class_names)
    split = split or choose_split(place, tuple(layout.splits))
    ids, files, photos = yolo_files(layout, split)
    check_photos(photos)
    if not photos[0].is_file():  # nor any other; without their sizes there are no boxes
        raise FileNotFoundError(
            f"{place}: none of the {len(photos)} photos of {split} is there, the first is {photos[0]}"
        )
    read = [read_labels(file, layout.class_names) if file.is_file() else LabelFile.empty(file) for file in files]
    if bare := sum(not file.is_file() for file in files):
        logger.warning("%s: %d of %d photos have no label file: without objects", place, bare, len(files))
    numbers = {number: classes.index(name) for number, name in enumerate(layout.class_names) if name in classes}
    made = [_target(content, photo, numbers) for content, photo in zip(read, photos, strict=True)]
    warn_of_cuts(place, [overhang for _, overhang in made])
    return AnnotatedImages(classes, ids, photos, tuple(target for target, _ in made))


def _target(content: LabelFile, photo: Path, numbers: Mapping[int, int]) -> tuple[Target, Overhang]:
    """The objects whose class has a number among those asked for."""
    rows = [row for row, label in enumerate(content.labels) if label in numbers]
    if not rows:
        return Target(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), np.zeros(0, np.float32)
    size = image_size(photo)

    def describe(row: int) -> str:
        return f"{content.path}:{content.lines[rows[row]]}: the box"

    boxes = content.boxes(*size)[rows]
    flat = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
    if len(flat):
        raise FlatBoxError(f"{describe(int(flat[0]))} has no area in its photo of {size[0]} x {size[1]} pixels")
    boxes, overhang = fit_boxes(boxes, size, photo, describe)
    return Target(boxes, np.array([numbers[content.labels[row]] for row in rows], np.int64)), overhang
