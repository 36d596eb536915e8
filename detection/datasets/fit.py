"""Boxes that do not lie in their photo: cut where they stick out, refused where they are wholly outside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.boxes import Boxes, clip
from detection.images import image_size

logger = logging.getLogger(__name__)

Overhang = NDArray[np.float32]  # (R,): by how many pixels each box was cut, 0 where it was not


def fit_boxes(
    boxes: Boxes, size: tuple[int, int] | None, photo: Path, describe: Callable[[int], str], slack: float = 0
) -> tuple[Boxes, Overhang]:
    """Boxes (R, 4) cut to the photo where they leave it by more than ``slack`` pixels, and by how much they were cut.

    The stated ``size`` (width, height) is believed as long as all boxes fit: it may be that of the photo before its
    EXIF rotation, or plainly wrong, so that otherwise the photo itself is asked, if it is there. Raises ``ValueError``
    with the words of ``describe(row)`` where a box is wholly outside.
    """
    if len(boxes) and (size is None or (clip(boxes, *size) != boxes).any()) and photo.is_file():
        size = image_size(photo)
    if size is None:
        return boxes, np.zeros(len(boxes), np.float32)
    inside = clip(boxes, *size)
    outside = np.flatnonzero((inside[:, 2:] <= inside[:, :2]).any(axis=1))
    if len(outside):
        raise ValueError(f"{describe(int(outside[0]))} lies outside its photo of {size[0]} x {size[1]} pixels")
    overhang = np.abs(boxes - inside).max(axis=1, initial=0)
    overhang[overhang <= slack] = 0
    return np.where(overhang[:, None] > 0, inside, boxes), overhang


def warn_of_cuts(place: Path, overhangs: Sequence[Overhang]) -> None:
    """Log one warning that counts the boxes of a data set that were cut."""
    overhang = np.concatenate([np.zeros(0, np.float32), *overhangs])
    if cut := np.count_nonzero(overhang):
        message = "%s: %d of %d boxes leave their photo, by up to %g pixels, and were cut to it"
        logger.warning(message, place, cut, len(overhang), overhang.max())
