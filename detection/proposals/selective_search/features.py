"""What regions are compared by: how many of their pixels have each colour, and how many each gradient.

Uijlings et al. (IJCV 2013), section 3.2: 25 colour bins a channel; Gaussian derivatives in eight directions, 10 bins a
direction and channel. Opposite directions are the two signs of one derivative, so four are taken; each sign is divided
by the largest response of that sign in the image. A response counts in one direction by its size, and as 0 in the
opposite one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.arithmetic import fma
from detection.proposals.selective_search.colour import Channels
from detection.proposals.selective_search.kernel import kernel
from detection.proposals.selective_search.segmentation import Labels

Histograms = NDArray[np.int32]  # (R, 105 C) pixels: 25 C colour columns, then 80 C texture columns
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

COLOUR_BINS = 25
TEXTURE_BINS = 10
DIRECTIONS = 8
COLUMNS = COLOUR_BINS + DIRECTIONS * TEXTURE_BINS  # of one channel

COLOUR_BIN = (np.arange(256) * COLOUR_BINS >> 8).astype(np.uint8)
ALMOST_ALL_BINS = np.float32(9.999)  # the largest response falls into the last bin, not beyond it
ROOT_HALF = np.float32(0.70710678)
REACH = 3  # pixels that a derivative looks to either side
TAPS = 2 * REACH + 1
# exp(-x * x / 2) for x in -3 ... 3 over their sum; in digits, as exp() is not the same on every machine
GAUSSIAN = np.array([0.00443304796, 0.0540055819, 0.242036223, 0.399050266, 0.242036223, 0.0540055819, 0.00443304796])
GAUSSIAN = GAUSSIAN.astype(np.float32)
DERIVATIVE = np.arange(-REACH, REACH + 1, dtype=np.float32) * GAUSSIAN


def histograms(channels: Channels, labels: Labels, count: int) -> Histograms:
    """Histograms of the ``count`` regions of a labelling (H, W)."""
    columns = np.empty((len(channels), 1 + DIRECTIONS // 2, *labels.shape), np.uint8)  # what each pixel counts in
    gradient = np.empty((2, *labels.shape), np.float32)
    for c, channel in enumerate(channels):
        largest = _differentiate(channel, gradient)
        per_unit = np.divide(ALMOST_ALL_BINS, largest, out=np.zeros_like(largest), where=largest > 0)
        cv2.LUT(channel, COLOUR_BIN + np.uint8(c * COLOUR_BINS), columns[c, 0])
        _texture_columns(gradient, per_unit, c * DIRECTIONS * TEXTURE_BINS, columns[c, 1:])
    counts = np.zeros((count, len(channels) * COLUMNS), np.int32)
    _count(labels.reshape(-1), tuple(columns.reshape(*columns.shape[:2], -1)), counts)
    _count_zeros(counts[:, len(channels) * COLOUR_BINS :])
    return counts


@kernel
def _differentiate(channel: Bytes, gradient: Floats) -> Floats:
    """Fill in the derivatives along x and y (2, H, W); the largest responses (4, 2), up and down, are returned.

    The filters are separable: a row is filtered along once, and kept for the seven rows that need it.
    """
    height, width = channel.shape
    padded = np.empty(width + 2 * REACH, np.float32)
    steep = np.empty((TAPS, width), np.float32)  # row y stands in place y % TAPS
    smooth = np.empty((TAPS, width), np.float32)
    largest = np.zeros((DIRECTIONS // 2, 2), np.int32)
    for y in range(-REACH, height):
        ahead = y + REACH
        if ahead < height:
            _pad(channel[ahead], padded)
            _along(padded, DERIVATIVE, steep[ahead % TAPS])
            _along(padded, GAUSSIAN, smooth[ahead % TAPS])
        if y >= 0:
            above = (_mirrored(y - 1, height) % TAPS, _mirrored(y - 2, height) % TAPS, _mirrored(y - 3, height) % TAPS)
            below = (_mirrored(y + 1, height) % TAPS, _mirrored(y + 2, height) % TAPS, _mirrored(y + 3, height) % TAPS)
            _across(steep, (y % TAPS, above, below), GAUSSIAN, np.float32(1), gradient[0, y])
            _across(smooth, (y % TAPS, above, below), DERIVATIVE, np.float32(-1), gradient[1, y])
            _keep_largest(gradient[0, y], gradient[1, y], largest)
    return largest.view(np.float32)


@kernel
def _mirrored(i: int, size: int) -> int:
    """Where pixel ``i`` of a row is found that ends at ``size``: beyond its ends, as far inside."""
    while not 0 <= i < size:
        i = abs(i) if size > 1 else 0
        i = i if i < size else 2 * (size - 1) - i
    return i


@kernel
def _pad(row: Bytes, padded: Floats) -> None:
    for x in range(row.size):
        padded[REACH + x] = row[x]
    for i in range(REACH):
        padded[i] = row[_mirrored(i - REACH, row.size)]
        padded[REACH + row.size + i] = row[_mirrored(row.size + i, row.size)]


@kernel
def _along(padded: Floats, taps: Floats, filtered: Floats) -> None:
    """Filter along a row; rounded like OpenCV's ``sepFilter2D`` with AVX2, which does 32 pixels at a time by FMA."""
    whole = filtered.size - filtered.size % 32
    for x in range(whole):
        total = padded[x] * taps[0]
        for i in range(1, TAPS):
            total = fma(padded[x + i], taps[i], total)
        filtered[x] = total
    for x in range(whole, filtered.size):
        total = padded[x] * taps[0]
        for i in range(1, TAPS):
            total += padded[x + i] * taps[i]
        filtered[x] = total


@kernel
def _across(
    rows: Floats,
    places: tuple[int, tuple[int, int, int], tuple[int, int, int]],
    taps: Floats,
    sign: np.float32,
    filtered: Floats,
) -> None:
    """Filter across rows, whose places are those of the middle one, the three above and the three below.

    ``sign`` is that of the taps above to those below. Rounded like OpenCV, which here does 8 columns at a time by FMA.
    """
    middle, above, below = places
    whole = filtered.size - filtered.size % 8
    for x in range(whole):
        total = rows[middle, x] * taps[REACH]
        for i in range(REACH):
            total = fma(rows[below[i], x] + sign * rows[above[i], x], taps[REACH + 1 + i], total)
        filtered[x] = total
    for x in range(whole, filtered.size):
        total = rows[middle, x] * taps[REACH]
        for i in range(REACH):
            total += (rows[below[i], x] + sign * rows[above[i], x]) * taps[REACH + 1 + i]
        filtered[x] = total


@kernel
def _keep_largest(along_x: Floats, along_y: Floats, largest: NDArray[np.int32]) -> None:
    """The largest responses so far, by their bits: those of positive floats sort as they do, and fast."""
    for direction in range(largest.shape[0]):
        up, down = largest[direction, 0], largest[direction, 1]
        for x in range(along_x.size):
            response = _response(along_x[x], along_y[x], direction)
            upwards, downwards = np.float32(response).view(np.int32), np.float32(-response).view(np.int32)
            up = max(up, upwards)
            down = max(down, downwards)
        largest[direction, 0], largest[direction, 1] = up, down


@kernel
def _response(x: np.float32, y: np.float32, direction: int) -> np.float32:
    """The derivative in one of four directions, 45 degrees apart."""
    if direction < 2:
        return y if direction else x
    return (x - y if direction == 3 else x + y) * ROOT_HALF


@kernel
def _texture_columns(gradient: Floats, per_unit: Floats, first: int, columns: Bytes) -> None:
    """The column of every response: ten bins upwards from 0, then ten downwards; direction by direction."""
    for direction in range(columns.shape[0]):
        up, down = per_unit[direction, 0], per_unit[direction, 1]
        for y in range(columns.shape[1]):
            for x in range(columns.shape[2]):
                r = _response(gradient[0, y, x], gradient[1, y, x], direction)
                columns[direction, y, x] = first + np.int32(r * up if r >= 0 else np.float32(TEXTURE_BINS) - r * down)
        first += 2 * TEXTURE_BINS


@kernel
def _count(labels: Labels, columns: tuple[Bytes, ...], counts: Histograms) -> None:
    """Count every pixel in the columns that each channel has for it (5, HW).

    The five are looked up before any is counted, and the channels are a tuple, whose length the compiler knows: many
    additions are under way at a time.
    """
    flat = counts.reshape(-1)
    colours = np.uint64(len(columns) * COLOUR_BINS)
    for i in range(labels.size):
        row = np.uint64(labels[i]) * np.uint64(counts.shape[1])  # unsigned: needs no test for negative indices
        for channel in columns:
            colour, texture = row + np.uint64(channel[0, i]), row + colours
            first, second = texture + np.uint64(channel[1, i]), texture + np.uint64(channel[2, i])
            third, fourth = texture + np.uint64(channel[3, i]), texture + np.uint64(channel[4, i])
            for place in (colour, first, second, third, fourth):
                flat[place] += 1


@kernel
def _count_zeros(texture: Histograms) -> None:
    """Count the pixels of each sign as 0 in the opposite direction; (R, 80 C)."""
    for r in range(texture.shape[0]):
        for c in range(0, texture.shape[1], 2 * TEXTURE_BINS):
            upwards = texture[r, c : c + TEXTURE_BINS].sum()
            downwards = texture[r, c + TEXTURE_BINS : c + 2 * TEXTURE_BINS].sum()
            texture[r, c] += downwards
            texture[r, c + TEXTURE_BINS] += upwards
