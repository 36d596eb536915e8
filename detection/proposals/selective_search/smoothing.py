"""The Gaussian before segmentation: the same bytes on every machine.

OpenCV's float filters use what instructions a processor has, and a multiplication fused with an addition rounds once
where two operations round twice. Here every rounding is written out. They are those of OpenCV 5 on a processor with
AVX2, so the results are its ``GaussianBlur``'s: whole vectors are fused, the columns left over at the right are not.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.proposals.selective_search.arithmetic import fma
from detection.proposals.selective_search.kernel import kernel

Channels = NDArray[np.uint8]  # (C, H, W)
Planes = NDArray[np.float32]  # (C, H, W)
Rows = NDArray[np.float32]  # (7, W), row y in place y % 7
Line = NDArray[np.float32]  # (W,)
Taps = tuple[np.float32, np.float32, np.float32, np.float32]  # the middle one, then outwards

RADIUS = 3  # OpenCV's for the sigma of 0.8 that every mode has
WINDOW = 2 * RADIUS + 1


def smooth(channels: Channels, sigma: float) -> Planes:
    """The channels after a Gaussian of ``sigma`` pixels, cut off after three; borders are mirrored."""
    taps = cv2.getGaussianKernel(WINDOW, sigma, cv2.CV_32F).ravel()  # computed in software: everywhere the same bits
    planes = np.empty(channels.shape, np.float32)
    _smooth(channels, (taps[3], taps[4], taps[5], taps[6]), planes)
    return planes


@kernel
def _smooth(channels: Channels, taps: Taps, planes: Planes) -> None:
    """Rows first, then columns; the last seven rows are kept."""
    _, height, width = channels.shape
    line = np.empty(width + 2 * RADIUS, np.float32)
    rows = np.empty((WINDOW, width), np.float32)
    for c in range(channels.shape[0]):
        for y in range(-RADIUS, height):
            if y + RADIUS < height:
                line[RADIUS : width + RADIUS] = channels[c, y + RADIUS]
                for i in range(1, RADIUS + 1):
                    line[RADIUS - i] = line[RADIUS + _mirrored(-i, width)]
                    line[width + RADIUS - 1 + i] = line[RADIUS + _mirrored(width - 1 + i, width)]
                _along_a_row(line, taps, rows[(y + RADIUS) % WINDOW])
            if y >= 0:
                _along_columns(rows, y, height, taps, planes[c, y])


@kernel
def _mirrored(place: int, length: int) -> int:
    """The place inside an image that one outside stands for: ``d c b | a b c d | c b a``."""
    while length > 1 and not 0 <= place < length:
        place = -place if place < 0 else 2 * (length - 1) - place
    return place if length > 1 else 0


@kernel
def _along_a_row(line: Line, taps: Taps, row: Line) -> None:
    """Left to right, in fours; of each column left over the last two taps alone are fused. One pixel stays as it is."""
    t0, t1, t2, t3 = taps
    width = row.size
    whole = width // 4 * 4
    for x in range(whole):
        total = line[x] * t3
        total = fma(line[x + 1], t2, total)
        total = fma(line[x + 2], t1, total)
        total = fma(line[x + 3], t0, total)
        total = fma(line[x + 4], t1, total)
        total = fma(line[x + 5], t2, total)
        row[x] = fma(line[x + 6], t3, total)
    for x in range(whole, width):
        total = line[x] * t3 + line[x + 1] * t2 + line[x + 2] * t1 + line[x + 3] * t0 + line[x + 4] * t1
        row[x] = fma(line[x + 6], t3, fma(line[x + 5], t2, total))
    if width == 1:
        row[0] = line[RADIUS]


@kernel
def _along_columns(rows: Rows, y: int, height: int, taps: Taps, plane: Line) -> None:
    """From the middle outwards, in eights; the columns left over are not fused. A single row stays as it is."""
    t0, t1, t2, t3 = taps
    middle = rows[y % WINDOW]
    up1, down1 = (rows[_mirrored(y - 1, height) % WINDOW], rows[_mirrored(y + 1, height) % WINDOW])
    up2, down2 = (rows[_mirrored(y - 2, height) % WINDOW], rows[_mirrored(y + 2, height) % WINDOW])
    up3, down3 = (rows[_mirrored(y - 3, height) % WINDOW], rows[_mirrored(y + 3, height) % WINDOW])
    width = plane.size
    whole = width // 8 * 8
    for x in range(whole):
        total = fma(up1[x] + down1[x], t1, middle[x] * t0)
        plane[x] = fma(up3[x] + down3[x], t3, fma(up2[x] + down2[x], t2, total))
    for x in range(whole, width):
        total = middle[x] * t0 + (up1[x] + down1[x]) * t1
        plane[x] = total + (up2[x] + down2[x]) * t2 + (up3[x] + down3[x]) * t3
    if height == 1:
        plane[:] = middle
