"""The one place where image files become pixels: every tool sees the same picture.

Pillow decodes. Its libjpeg-turbo uses the accurate inverse DCT, so that a JPEG gives the same bytes on every machine,
and the same as ``cv2.imread``. It was preferred to OpenCV because it refuses a truncated file, and says why, where
OpenCV fills in grey.

What becomes RGB, and how:

* EXIF orientation is applied: the upright image is the frame of every box in this project;
* grey and black-and-white get three equal channels, a palette is looked up, CMYK is converted, colour profiles are
  ignored;
* transparent pixels are laid over white, as they are shown on a page (what colour lies under them is arbitrary);
* of 16 bits a channel the upper 8 are kept, never stretched: a pixel does not depend on the rest of its image;
* of an animation or a multi-page file the first frame is read.
"""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION, TiffImageFile

from detection.structures import RGBImage

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
MAX_PIXELS = 178_956_970  # half a GiB as RGB; Pillow refuses more on opening
BAND = 1 << 22  # pixels that are copied at a time

ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WHITE_IS_ZERO, SEPARATE_PLANES = 0, 2  # values of TIFF tags

# What Pillow's readers raise on damaged bytes.
DAMAGE = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, OverflowError, struct.error, zlib.error)

# Pillow warns from half of MAX_PIXELS on; the limit above is the one that counts.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class ImageError(ValueError):
    """A file that cannot be read as an image; the message names the file and the reason."""


@dataclass(frozen=True)
class ImageHeader:
    """What a file says before its pixels: one of ``FORMATS``, width and height upright and as stored, EXIF's 1 to 8."""

    format: str
    size: tuple[int, int]
    stored: tuple[int, int]
    orientation: int


def as_image(source: RGBImage | Image.Image | str | Path | bytes) -> RGBImage:
    """The upright RGB image (H, W, 3) of an array, which is not copied, of Pillow's image, or as :func:`decode_image`.

    An array is taken to be RGB: of ``cv2.imread``'s give ``image[..., ::-1]``. Raises ``ValueError`` for one of another
    shape or type, and ``TypeError`` for what is none of these.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3:
            got = f"got {source.shape} of {source.dtype}{_remedy(source)}"
            raise ValueError(f"expected an RGB image, (H, W, 3) of uint8, {got}")
        return source
    if isinstance(source, Image.Image):
        return _decoded(_supported(source, "image of Pillow"), "image of Pillow")
    if not isinstance(source, (str, Path, bytes)):
        wanted = "a path, a file's content, an image of Pillow or an RGB array (H, W, 3)"  # type: ignore[unreachable]
        raise TypeError(f"expected one image: {wanted}; got {type(source).__name__}")
    return decode_image(source)


def _remedy(array: NDArray[np.generic]) -> str:
    """How an array becomes an RGB image, where that can be guessed."""
    if array.dtype != np.uint8:
        return "; of floats from 0 to 1: (image * 255).astype(np.uint8)" if array.dtype.kind == "f" else ""
    if array.ndim == 2:
        return "; of a grey image: np.stack([image] * 3, axis=-1)"
    if array.ndim == 3 and array.shape[2] == 4:
        return "; without its last channel: image[..., :3]"
    return "; with the channels last: image.transpose(1, 2, 0)" if array.ndim == 3 and array.shape[0] == 3 else ""


def decode_image(source: str | Path | bytes) -> RGBImage:
    """The upright image of a file, or of a file's content: (H, W, 3) uint8, C-contiguous.

    Raises ``FileNotFoundError`` where there is no file, and :class:`ImageError` where it is empty, truncated, no image,
    of a kind that is not supported, or larger than ``MAX_PIXELS``.
    """
    content = source if isinstance(source, bytes) else _read(Path(source))
    return _decoded(_open(io.BytesIO(content), _name(source)), _name(source))


def image_size(source: Path | bytes) -> tuple[int, int]:
    """Width and height of the upright image, without decoding its pixels; errors as in :func:`decode_image`."""
    return image_header(source).size


def image_header(source: Path | bytes) -> ImageHeader:
    """What a file says before its pixels, of which hardly any is read; errors as in :func:`decode_image`."""
    if isinstance(source, bytes):
        return _header(io.BytesIO(source), _name(source))
    with _told(source), source.open("rb") as file:
        return _header(file, _name(source))


def _header(file: BinaryIO, name: str) -> ImageHeader:
    image = _open(file, name)
    width, height = image.size
    orientation = _orientation(image)
    turned = (height, width) if orientation in (5, 6, 7, 8) else (width, height)
    kind = "JPEG" if image.format == "MPO" else str(image.format)  # a JPEG with more pictures behind the first
    if isinstance(image, TiffImageFile):  # Pillow turns a TIFF itself
        return ImageHeader(kind, (width, height), turned, orientation)
    return ImageHeader(kind, turned, (width, height), orientation)


def _name(source: str | Path | bytes) -> str:
    return f"image of {len(source)} bytes" if isinstance(source, bytes) else str(source)


def _decoded(image: Image.Image, name: str) -> RGBImage:
    kind = image.format or image.mode
    try:
        image.load()  # which turns a TIFF upright by itself
        image = _to_rgb(_upright(image))  # of Pillow's images one at a time is in memory
        return _pixels(image)
    except DAMAGE as error:
        raise ImageError(f"{name}: damaged {kind} image: {error}") from error


def _pixels(image: Image.Image) -> RGBImage:
    """The array of an RGB image, some rows at a time: NumPy alone would hold a large image three times over."""
    width, height = image.size
    rows = max(1, BAND // width)
    if rows >= height:
        return np.array(image)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels


def _read(path: Path) -> bytes:
    with _told(path):
        return path.read_bytes()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system says of a file becomes one of this module's errors."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # to open a pipe may take for ever
            raise ImageError(f"{path}: not a regular file, but a pipe, a socket or a device")
        yield
    except FileNotFoundError:
        link = f": a link to {path.readlink()}, which is not there" if path.is_symlink() else ""
        raise FileNotFoundError(f"no image file {path}{link}") from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error


def _open(file: BinaryIO, name: str) -> Image.Image:
    """The image with its pixels not yet decoded; ``name`` is for messages."""
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: more than {MAX_PIXELS:,} pixels; make the image smaller") from error
    except UnidentifiedImageError as error:
        if not file.seek(0, os.SEEK_END):
            raise ImageError(f"{name}: empty file (0 bytes)") from error
        raise ImageError(f"{name}: not an image, or not one of {', '.join(FORMATS)}") from error
    except DAMAGE as error:
        raise ImageError(f"{name}: damaged image: {error}") from error
    return _supported(image, name)


def _supported(image: Image.Image, name: str) -> Image.Image:
    if unsupported := _unsupported(image):
        raise ImageError(f"{name}: {image.format or image.mode} with {unsupported}; save it with 8 bits a channel")
    return image


def _unsupported(image: Image.Image) -> str | None:
    if image.mode in ("I", "F"):
        return "32-bit or signed pixels, which have no agreed range"
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    if tags.get(PLANAR_CONFIGURATION) == SEPARATE_PLANES and 16 in tags.get(BITSPERSAMPLE, ()):
        return "16-bit colours in separate planes"  # Pillow would misread them
    return None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except DAMAGE:  # damaged metadata does not make the pixels unreadable
        return 1


def _upright(image: Image.Image) -> Image.Image:
    transposition = UPRIGHT.get(_orientation(image))
    return image if transposition is None else image.transpose(transposition)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        # Pillow inverts this kind of TIFF with 8 bits, but not with 16
        inverted = isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO
        image = Image.fromarray(255 - grey if inverted else grey)
    if image.mode in ("La", "RGBa"):  # colours multiplied by their opacity
        image = image.convert(image.mode.upper())
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image if image.mode == "RGB" else image.convert("RGB")
