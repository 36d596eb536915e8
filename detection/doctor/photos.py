"""Every photo decoded once, by threads: what is wrong with the file, and what tells it from others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.doctor.look import thumbnail
from detection.images import ImageError, ImageHeader, decode_image, image_header
from detection.proposals.store import Report


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file: ``problem`` is why it cannot be read, ``None`` where it can; then there is all the rest.

    ``digest`` of the file's bytes; ``small`` is what :mod:`detection.doctor.look` compares.
    """

    problem: str | None
    missing: bool = False
    header: ImageHeader | None = None
    digest: bytes = b""
    small: NDArray[np.uint8] | None = None


def look_at(path: Path) -> Photo:
    """What there is to know of an image file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Photo("no such file", missing=True)
    except OSError as error:
        return Photo(f"cannot be read: {error.strerror}")
    try:
        small = thumbnail(decode_image(content))
        return Photo(None, header=image_header(content), digest=hashlib.sha256(content).digest()[:16], small=small)
    except ImageError as error:
        return Photo(str(error).partition(": ")[2])  # the file is named elsewhere


def look_at_all(paths: Iterable[Path], report: Report, workers: int | None = None) -> dict[Path, Photo]:
    """The photos by their path; ``workers`` threads (all cores), for decoding releases the interpreter's lock."""
    unique = list(dict.fromkeys(paths))
    photos: dict[Path, Photo] = {}
    executor = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        for path, photo in zip(unique, executor.map(look_at, unique), strict=True):
            photos[path] = photo
            report("decoding photos", len(photos), len(unique))
    finally:  # when stopped half-way, only what is in work is waited for
        executor.shutdown(cancel_futures=True)
    return photos
