"""All that the doctor looks for, in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from detection.doctor.boxes import box_cases
from detection.doctor.classes import class_cases
from detection.doctor.contents import Contents
from detection.doctor.duplicates import duplicates
from detection.doctor.findings import Case
from detection.doctor.frames import frame, photo_cases
from detection.doctor.photos import Photo


def examine(contents: Contents, photos: Mapping[Path, Photo]) -> Iterator[Case]:
    """Every case of a data set whose photos were looked at (:func:`detection.doctor.photos.look_at_all`)."""
    yield from contents.cases
    for entry in contents.entries:
        photo = photos[entry.photo]
        yield from photo_cases(entry, photo)
        yield from box_cases(entry, frame(entry, photo))
    yield from class_cases(contents)
    yield from duplicates(contents.entries, photos)
