"""Whether a photo can be read, is what its name says, and lies in the frame that its annotation was made in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from detection.doctor.contents import Entry
from detection.doctor.findings import (
    MAYBE_TURNED,
    MISSING_PHOTO,
    OTHER_SIZE,
    RESIZED_PHOTO,
    SWAPPED_SIZE,
    TURNED_PHOTO,
    UNREADABLE_PHOTO,
    WRONG_SUFFIX,
    Case,
    Kind,
)
from detection.doctor.photos import Photo
from detection.images import ImageHeader

SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF"}  # other formats are named after their suffix
ROUNDING = 1.5  # pixels by which a side of a resized photo may differ from what the other says
RESIZED = 0.02  # the least change of a side; less is an annotation that is off by some pixels

Size = tuple[int, int]


def photo_cases(entry: Entry, photo: Photo) -> Iterator[Case]:
    """What is wrong with a photo, and between it and the size that its annotation states."""
    case = partial(Case, split=entry.split, photo=entry.shown)
    if photo.header is None:
        yield case(MISSING_PHOTO) if photo.missing else case(UNREADABLE_PHOTO, detail=photo.problem or "")
        return
    suffix = Path(entry.shown).suffix.lower()
    if SUFFIXES.get(suffix, suffix[1:].upper()) != photo.header.format:
        yield case(WRONG_SUFFIX, detail=f"it is {photo.header.format}")
    if entry.objects and (kind := _disagreement(entry, photo.header)):
        yield case(kind, detail=_described(entry.size, photo.header))


def frame(entry: Entry, photo: Photo) -> Size | None:
    """Width and height of what the boxes of an annotation must lie in.

    Where the stated size is not the photo's, that is told by itself: then boxes may lie in either.
    """
    if photo.header is None or entry.size is None:
        return entry.size if photo.header is None else photo.header.size
    return max(entry.size[0], photo.header.size[0]), max(entry.size[1], photo.header.size[1])


def _disagreement(entry: Entry, header: ImageHeader) -> Kind | None:
    upright, stated = header.size, entry.size
    sideways = header.stored != upright
    if stated is None or stated == upright:
        # a half turn, a mirror image or a square photo has the same size before and after
        told_by_size = header.orientation == 1 or (sideways and stated is not None)
        return None if told_by_size else MAYBE_TURNED
    if stated == header.stored:
        return TURNED_PHOTO
    if stated == upright[::-1]:
        return SWAPPED_SIZE
    return RESIZED_PHOTO if _is_resized(stated, upright) and _fit(entry, stated) else OTHER_SIZE


def _is_resized(stated: Size, size: Size) -> bool:
    factor = size[0] / stated[0]
    return abs(factor - 1) > RESIZED and abs(stated[1] * factor - size[1]) <= max(ROUNDING, ROUNDING * factor)


def _fit(entry: Entry, size: Size) -> bool:
    return all(one.box[2] <= size[0] + 1 and one.box[3] <= size[1] + 1 for one in entry.objects)


def _described(stated: Size | None, header: ImageHeader) -> str:
    annotated = "annotated without a size" if stated is None else f"annotated at {stated[0]} x {stated[1]}"
    turned = "" if header.orientation == 1 else f" upright (EXIF orientation {header.orientation})"
    return f"{annotated}, is {header.size[0]} x {header.size[1]}{turned}"
