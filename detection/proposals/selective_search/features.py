"""What regions are compared by: how many of their pixels have each colour, and how many each gradient.

Uijlings et al. (IJCV 2013), section 3.2: 25 colour bins a channel; Gaussian derivatives in eight directions, 10 bins a
direction and channel. Opposite directions are the two signs of one derivative, so four are taken; each sign is divided
by the largest response of that sign in the image. A response counts in one direction by its size, and as 0 in the
opposite one.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.colour import Channels
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.segmentation import Labels

Histograms = NDArray[np.int32]  # (R, 105 C) pixels: 25 C colour columns, then 80 C texture columns

COLOUR_BINS = 25
TEXTURE_BINS = 10
DIRECTIONS = 8
COLUMNS = COLOUR_BINS + DIRECTIONS * TEXTURE_BINS  # of one channel

ALMOST_ALL_BINS = np.float32(9.999)  # the largest response falls into the last bin, not beyond it
GAUSSIAN = cv2.getGaussianKernel(7, 1.0, cv2.CV_32F).ravel()
DERIVATIVE = (np.arange(-3, 4) * GAUSSIAN).astype(np.float32)
ROOT_HALF = np.float32(0.70710678)


def histograms(channels: Channels, labels: Labels, count: int) -> Histograms:
    """Histograms of the ``count`` regions of a labelling (H, W)."""
    columns = np.empty((len(channels) * (1 + DIRECTIONS // 2), labels.size), np.uint16)  # what each pixel counts in
    features = iter(columns)
    for c, channel in enumerate(channels):
        next(features)[:] = c * COLOUR_BINS + (channel.reshape(-1).astype(np.uint16) * COLOUR_BINS >> 8)
    first = first_texture_column = COLOUR_BINS * len(channels)
    for channel in channels:
        for responses in _derivatives(channel):
            up, down = _bins_per_unit(responses.max()), _bins_per_unit(-responses.min())
            _texture_columns(responses.reshape(-1), up, down, first, next(features))
            first += 2 * TEXTURE_BINS
    counts = np.zeros((count, first), np.int32)
    _count(labels.reshape(-1), columns, counts)
    _count_zeros(counts[:, first_texture_column:])
    return counts


def _derivatives(channel: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """Responses (H, W) in four directions, 45 degrees apart."""
    x = np.asarray(cv2.sepFilter2D(channel, cv2.CV_32F, DERIVATIVE, GAUSSIAN), np.float32)
    y = np.asarray(cv2.sepFilter2D(channel, cv2.CV_32F, GAUSSIAN, DERIVATIVE), np.float32)
    yield from (x, y, (x + y) * ROOT_HALF, (x - y) * ROOT_HALF)


def _bins_per_unit(largest: np.float32) -> np.float32:
    return ALMOST_ALL_BINS / largest if largest > 0 else np.float32(0)


@kernel
def _texture_columns(
    responses: NDArray[np.float32], up: np.float32, down: np.float32, first: int, columns: NDArray[np.uint16]
) -> None:
    """The column of every response: ten bins upwards from 0, then ten downwards."""
    for i in range(responses.size):
        r = responses[i]
        columns[i] = first + np.int32(r * up if r >= 0 else np.float32(TEXTURE_BINS) - r * down)


@kernel
def _count(labels: Labels, columns: NDArray[np.uint16], counts: Histograms) -> None:
    flat = counts.reshape(-1)
    for i in range(labels.size):
        row = np.uint64(labels[i]) * np.uint64(counts.shape[1])  # unsigned: needs no test for negative indices
        for f in range(columns.shape[0]):
            flat[row + np.uint64(columns[f, i])] += 1


@kernel
def _count_zeros(texture: Histograms) -> None:
    """Count the pixels of each sign as 0 in the opposite direction; (R, 80 C)."""
    for r in range(texture.shape[0]):
        for c in range(0, texture.shape[1], 2 * TEXTURE_BINS):
            upwards = texture[r, c : c + TEXTURE_BINS].sum()
            downwards = texture[r, c + TEXTURE_BINS : c + 2 * TEXTURE_BINS].sum()
            texture[r, c] += downwards
            texture[r, c + TEXTURE_BINS] += upwards
