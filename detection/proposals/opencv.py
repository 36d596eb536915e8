"""OpenCV's selective search (``cv2.ximgproc``) behind the same protocol: an engine to compare with.

Against R-CNN's it has larger superpixels (k = 150, 300 and 450, never under 100 pixels), and its hue, 0 to 180, is
counted over 0 to 256. It orders boxes by the numbers of C's ``rand()``, which ``cv2.setRNGSeed`` does not seed: the set
of boxes is the same each time, their order is not. Here the larger box has the better rank, and the rank times a seeded
number is the order, as in our engine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from detection.proposals.base import JSON
from detection.proposals.frame import from_frame, to_frame
from detection.proposals.selective_search.order import in_order
from detection.structures import Proposals, RGBImage

# mode: the name of the method that sets it, and its parameters (base k, increment of k; single has k alone)
MODES: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "fast": ("switchToSelectiveSearchFast", (150, 150)),
    "quality": ("switchToSelectiveSearchQuality", (150, 150)),
    "single": ("switchToSingleStrategy", (200,)),
}


@dataclasses.dataclass(frozen=True)
class OpenCVSelectiveSearch:
    """Selective search by opencv-contrib, with its own parameters; the other fields are those of our engine.

    ``superpixel_scale`` multiplies k alone: OpenCV's least superpixel is 100 pixels and cannot be set. Raises
    ``ModuleNotFoundError`` where OpenCV has no ``ximgproc``.
    """

    mode: str = "fast"
    superpixel_scale: float = 1.0
    width: int | None = 500
    min_side: int = 20
    seed: int = 0
    sigma: float = 0.8

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"no mode {self.mode!r} of OpenCV's selective search; there are: {', '.join(MODES)}")
        if not 0 < self.superpixel_scale < float("inf"):
            raise ValueError(f"superpixel_scale must be above 0, got {self.superpixel_scale}")
        _module()

    @property
    def settings(self) -> dict[str, JSON]:
        numbers = {name: float(getattr(self, name)) for name in ("superpixel_scale", "sigma")}
        return {
            "method": "opencv",
            "version": cv2.__version__,
            **dataclasses.asdict(self),
            **numbers,  # 2 and 2.0 are one setting, in a store's key too
        }

    def __call__(self, image: RGBImage) -> Proposals:
        """Proposals in the frame of ``image``; raises ``ValueError`` as our engine does, and where OpenCV gives up."""
        frame = to_frame(image, self.width)
        switch, numbers = MODES[self.mode]
        search = _module().createSelectiveSearchSegmentation()
        try:
            search.setBaseImage(np.ascontiguousarray(frame[:, :, ::-1]))
            getattr(search, switch)(*(round(k * self.superpixel_scale) for k in numbers), self.sigma)
            rectangles = np.asarray(search.process(), np.int32).reshape(-1, 4)  # x, y, width, height
        except cv2.error as error:  # some shapes abort it: opencv/opencv#14363, opencv/opencv_contrib#705
            raise ValueError(
                f"OpenCV's selective search gave up on an image of shape {image.shape}: {error}"
            ) from error
        extents = np.concatenate([rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:] - 1], axis=1)
        areas = rectangles[:, 2].astype(np.int64) * rectangles[:, 3]
        rising = np.lexsort((*extents.T, areas))  # the last is the whole image, as in a hierarchy
        boxes, scores = in_order([extents[rising]], self.seed)
        return from_frame(boxes, scores, frame, image, self.min_side)


def _module() -> Any:
    # OpenCV's type information knows nothing of contrib
    module = getattr(getattr(cv2, "ximgproc", None), "segmentation", None)
    if module is None:
        raise ModuleNotFoundError(
            "the engine opencv needs cv2.ximgproc, which the package opencv-contrib-python has: in an environment of "
            "its own, pip uninstall opencv-python opencv-python-headless, pip install opencv-contrib-python; or use "
            "the engine selective-search, whose mode opencv-fast has the same parameters"
        )
    return module
