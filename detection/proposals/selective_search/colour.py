"""The colour spaces in which an image is segmented and its regions compared, as planes of one channel each."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.smoothing import Channels, Planes, smooth
from detection.structures import RGBImage

__all__ = ["COLOUR_SPACES", "Channels", "Planes", "channels_of", "smooth"]


def channels_of(image: RGBImage, space: str) -> Channels:
    """The channels of an image in one of ``COLOUR_SPACES``, C-contiguous."""
    return np.stack(cv2.split(COLOUR_SPACES[space](image)))


def _hsv(image: RGBImage) -> NDArray[np.uint8]:
    """Hue in 0..179, as OpenCV keeps it in a byte."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), np.uint8)


def _lab(image: RGBImage) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2Lab), np.uint8)


def _hue(image: RGBImage) -> NDArray[np.uint8]:
    return _hsv(image)[:, :, 0]


def _intensity(image: RGBImage) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _rgi(image: RGBImage) -> NDArray[np.uint8]:
    """The shares of red and green, and intensity (Uijlings et al., section 3.2); black counts as grey."""
    total = image.sum(axis=2, dtype=np.int32, keepdims=True)
    shares = np.where(total > 0, (255 * image[:, :, :2].astype(np.int32) + total // 2) // np.maximum(total, 1), 85)
    return np.dstack([shares.astype(np.uint8), _intensity(image)])


def _red_green_intensity(image: RGBImage) -> NDArray[np.uint8]:
    """What OpenCV calls rgI: red and green as they are."""
    return np.dstack([image[:, :, :2], _intensity(image)])


def _thrice(space: Callable[[RGBImage], NDArray[np.uint8]]) -> Callable[[RGBImage], NDArray[np.uint8]]:
    """A single channel repeated, as the authors' code does; edges weigh the root of 3 more, so superpixels shrink."""
    return lambda image: np.dstack([space(image)] * 3)


COLOUR_SPACES: dict[str, Callable[[RGBImage], NDArray[np.uint8]]] = {
    "hsv": _hsv,
    "lab": _lab,
    "rgi": _rgi,
    "hue": _hue,
    "intensity": _intensity,
    "hue-thrice": _thrice(_hue),
    "intensity-thrice": _thrice(_intensity),
    "red-green-intensity": _red_green_intensity,
}
