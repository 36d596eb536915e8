"""A detector that needs no model, and photos for it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.calibration import Calibration
from detection.structures import Detections, Proposals, RGBImage


class StubDetector:
    """Finds a dog in the left half, scored by how red the photo is, if that is 0.01 at least; never a cat.

    ``before`` is called with every image; what it raises, the detector raises. Proposals that it is handed are where it
    looks for the dog.
    """

    class_names = ("dog", "cat")
    calibration: Calibration | None = None
    proposer = None

    def __init__(self, before: Callable[[RGBImage], None] = lambda image: None) -> None:
        self.before = before
        self.calls = 0

    def predict(self, image: RGBImage, proposals: Proposals | None = None) -> Detections:
        self.calls += 1
        self.before(image)
        height, width = image.shape[:2]
        boxes = np.array([[0, 0, width / 2, height]], np.float32)
        if proposals is not None:
            boxes[0] = proposals.boxes[0]
        fallback = None if proposals is None else proposals.fallback
        found = Detections(boxes, np.array([image[..., 0].mean() / 255]), np.array([0]), fallback)
        return found[found.scores >= 0.01]


def save_photo(path: Path, red: int = 230, size: tuple[int, int] = (40, 30)) -> Path:
    """A plain photo of so much red, in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), (red, 90, 20), np.uint8)).save(path)
    return path


def lock_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no folder called ``locked`` can be listed, whoever asks."""
    scandir = os.scandir

    def refuse(path: str | os.PathLike[str]):  # type: ignore[no-untyped-def]
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
