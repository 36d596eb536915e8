"""Three small photos with objects, and proposers whose overlaps with them are known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from detection.datasets.base import AnnotatedImages
from detection.proposals.base import JSON
from detection.report.proposals.measure import Measured, measure
from detection.structures import Proposals, RGBImage, Target

NAMES = ("cat", "dog <b>", "cow")
WIDTH, HEIGHT = 100, 80
WHOLE = [0, 0, 40, 40]
HALF = [0, 0, 40, 20]  # half of WHOLE
FAR = [90, 70, 100, 80]
BOXES = ([HALF, WHOLE], [HALF], [])  # of each photo


def target(boxes: Sequence[Sequence[float]], labels: Sequence[int]) -> Target:
    return Target(np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64))


def photos(folder: Path) -> AnnotatedImages:
    """One cat and one dog in the first photo, a cat in the second, a dog in the third."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(3):
        paths.append(folder / f"{number}.png")
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 60 * number, np.uint8)).save(paths[-1])
    targets = (target([WHOLE, FAR], [0, 1]), target([WHOLE], [0]), target([FAR], [1]))
    return AnnotatedImages(NAMES, ("first", "second", "<third>"), tuple(paths), targets)


class Known:
    """A proposer that gives each photo of :func:`photos` the boxes that were named for it."""

    def __init__(self, boxes: Sequence[Sequence[Sequence[float]]] = BOXES, name: str = "known") -> None:
        self.boxes = boxes
        self.name = name

    @property
    def settings(self) -> dict[str, JSON]:
        return {"method": self.name, "version": 1}

    def __call__(self, image: RGBImage) -> Proposals:
        return Proposals(np.array(self.boxes[image[0, 0, 0] // 60], np.float32).reshape(-1, 4))


def measured(
    folder: Path, boxes: Sequence[Sequence[Sequence[float]]] = BOXES, name: str = "known", dataset: object = None
) -> Measured:
    """Known boxes on the photos, or on another data set."""
    chosen = photos(folder) if dataset is None else dataset
    return measure(name, chosen, Known(boxes, name), folder / "store", 1, lambda *_: None)  # type: ignore[arg-type]
