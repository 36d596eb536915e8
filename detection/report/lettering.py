"""Text on images: class names in any language, never a row of question marks.

OpenCV 5 carries fonts for Latin, Greek, Cyrillic, Hebrew, Arabic letters, Chinese, Japanese and Korean; OpenCV 4 only
strokes for ASCII. A character without a glyph (Devanagari, Thai, emoji) is written as its escape (backslash, u,
0939), which still tells one class from another; pages show it as it is, since browsers have fonts for it.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.report.colours import Colour
from detection.structures import RGBImage

HAS_FONTS = hasattr(cv2, "FontFace")  # OpenCV 5
WEIGHT = 600  # semi-bold: labels are small and lie on a coloured ground
_STROKES = cv2.FONT_HERSHEY_SIMPLEX
_STROKES_HEIGHT = 30  # pixels from ascender to descender of the strokes at scale 1


def writable(text: str) -> str:
    """``text`` with every character that has no glyph replaced by its escape."""
    return "".join(char if _has_glyph(char) else char.encode("unicode_escape").decode() for char in text)


def text_width(text: str, size: int) -> int:
    """Width in pixels of ``text`` written ``size`` pixels high."""
    if HAS_FONTS:
        return int(cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("sans"), size, WEIGHT)[2])
    return int(cv2.getTextSize(text, _STROKES, size / _STROKES_HEIGHT, _thickness(size))[0][0])


def write_text(image: RGBImage, text: str, baseline: tuple[int, int], size: int, colour: Colour) -> None:
    """Write ``text`` into ``image``, its baseline beginning at (x, y); what lies outside the image is cut off."""
    if HAS_FONTS:
        cv2.putText(image, text, baseline, colour, cv2.FontFace("sans"), size, WEIGHT)
    else:
        cv2.putText(image, text, baseline, _STROKES, size / _STROKES_HEIGHT, colour, _thickness(size), cv2.LINE_AA)


def _thickness(size: int) -> int:
    return max(1, round(size / 16))


def _has_glyph(char: str) -> bool:
    return char.isprintable() and (char.isascii() or (HAS_FONTS and _has_picture(char)))


@lru_cache(maxsize=4096)
def _has_picture(char: str) -> bool:
    """Whether the built-in fonts draw ``char`` as anything but the question mark that stands for a missing glyph."""
    return not np.array_equal(_picture(char), _picture("?"))


def _picture(char: str) -> NDArray[np.uint8]:
    canvas = np.zeros((48, 64), np.uint8)
    cv2.putText(canvas, char, (8, 34), (255,), cv2.FontFace("sans"), 24, WEIGHT)
    return canvas
