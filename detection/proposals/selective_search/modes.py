"""The published sets of parameters, by name.

Each mode groups every combination of colour space, superpixel scale and strategy into a hierarchy of its own. A scale
is ``(k, min_size)`` of Felzenszwalb and Huttenlocher. A strategy names the similarities that it adds up: C colour,
T texture, S size, F fill (Uijlings et al., section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

ALL, ALL_BUT_COLOUR, FILL, SIZE = "CTSF", "TSF", "F", "S"


@dataclass(frozen=True)
class Mode:
    """Which hierarchies are built; ``sigma`` is the smoothing before segmentation."""

    colour_spaces: tuple[str, ...]
    scales: tuple[tuple[float, int], ...]
    strategies: tuple[str, ...]
    sigma: float = 0.8


MODES = {
    # R-CNN's selective_search_boxes.m, fast_mode true and false
    "rcnn-fast": Mode(
        colour_spaces=("hsv", "lab"),
        scales=((50, 50), (100, 100)),
        strategies=(ALL, ALL_BUT_COLOUR),
    ),
    "rcnn-quality": Mode(
        colour_spaces=("hsv", "lab", "rgi", "hue-thrice", "intensity-thrice"),
        scales=((50, 50), (100, 100), (150, 150), (300, 300)),
        strategies=(ALL, ALL_BUT_COLOUR, FILL, SIZE),
    ),
    # OpenCV's switchToSelectiveSearchFast, switchToSelectiveSearchQuality and switchToSingleStrategy
    "opencv-fast": Mode(
        colour_spaces=("hsv", "lab"),
        scales=((150, 100), (300, 100), (450, 100)),
        strategies=(ALL, ALL_BUT_COLOUR),
    ),
    "opencv-quality": Mode(
        colour_spaces=("hsv", "lab", "intensity", "hue", "red-green-intensity"),
        scales=((150, 100), (300, 100), (450, 100), (600, 100), (750, 100)),
        strategies=(ALL, ALL_BUT_COLOUR, FILL, SIZE),
    ),
    "single": Mode(
        colour_spaces=("hsv",),
        scales=((200, 100),),
        strategies=(ALL,),
    ),
}
