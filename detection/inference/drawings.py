"""Drawings as files: in the format of the photo that they show, whole or not there."""

from __future__ import annotations

import errno
import io
from pathlib import Path

from PIL import Image

from detection.converters.whole_file import whole_path
from detection.structures import RGBImage

# Thin lines keep their colour, and writing is quick.
_JPEG: tuple[str, dict[str, int | str]] = ("JPEG", {"quality": 90, "subsampling": 0})
_TIFF: tuple[str, dict[str, int | str]] = ("TIFF", {"compression": "tiff_lzw"})
_ENCODING: dict[str, tuple[str, dict[str, int | str]]] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), _JPEG),
    ".png": ("PNG", {"compress_level": 1}),
    ".webp": ("WEBP", {"quality": 90, "method": 0}),
    ".bmp": ("BMP", {}),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".gif": ("GIF", {}),
}


class DrawingError(ValueError):
    """A drawing that its format cannot hold; the message says why in one line."""


def drawing_name(photo: str) -> str:
    """What the drawing of a photo is called: as the photo, with ``.jpg`` added where it has no suffix of an image."""
    return photo if Path(photo).suffix.lower() in _ENCODING else f"{photo}.jpg"


def save_drawing(image: RGBImage, path: Path) -> None:
    """Write ``image`` in the format of the path's suffix, by rename; raises ``DrawingError``, and ``OSError``."""
    kind, options = _ENCODING[path.suffix.lower()]
    content = io.BytesIO()
    try:
        Image.fromarray(image).save(content, kind, **options)
    except (OSError, ValueError, OverflowError) as error:  # in memory: it is the image, and no disk
        size = f"{image.shape[1]} x {image.shape[0]}"
        raise DrawingError(f"a drawing of {size} pixels cannot be written as {kind}: {error}") from error
    try:
        with whole_path(path) as part:
            part.write_bytes(content.getbuffer())
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise DrawingError(
            f"a drawing cannot be called {path.name[:20]}...{path.suffix}: the name is too long"
        ) from error
