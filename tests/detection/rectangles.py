"""Photos of a red and a blue rectangle on noise, proposals for them, and a network small enough to learn them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.preprocessing import Preprocessing
from backbone.weights import Backbone, save_classifier
from detection.boxes import Boxes
from detection.config import Config
from detection.heads.region_classifier import RegionClassifier, RegionHeads
from detection.structures import Proposals, RGBImage, Target

CLASSES = ("red", "blue")
COLOURS = ((220, 40, 30), (30, 60, 230))
WIDTH, HEIGHT = 96, 72
SIZE, CONTEXT = 64, 4  # of a crop
CELLS = 2  # a crop of 64 pixels ends as a map of 2 x 2
PREPROCESSING = Preprocessing("bgr", mean=(104, 117, 123), scale=(60, 60, 60), input_size=SIZE)


@dataclass(frozen=True)
class Rectangles:
    """A data set in memory."""

    images: tuple[RGBImage, ...]
    targets: tuple[Target, ...]
    class_names: tuple[str, ...] = CLASSES
    folder: Path = Path("photos")

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"photo{number}" for number in range(len(self.images)))

    def __len__(self) -> int:
        return len(self.images)

    def path(self, index: int) -> Path:
        return self.folder / f"{self.ids[index]}.png"

    def image(self, index: int) -> RGBImage:
        return self.images[index].copy()

    def target(self, index: int) -> Target:
        return self.targets[index]


def rectangles(count: int, seed: int = 0) -> Rectangles:
    """Photos with one object of each class: red in the left half, blue in the right."""
    random = np.random.default_rng(seed)
    images, targets = [], []
    for _ in range(count):
        image = random.integers(90, 160, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        boxes = []
        for label, colour in enumerate(COLOURS):
            width, height = random.integers(20, 40, 2)
            x, y = random.integers(0, WIDTH // 2 - width) + label * WIDTH // 2, random.integers(0, HEIGHT - height)
            image[y : y + height, x : x + width] = colour
            boxes.append([x, y, x + width, y + height])
        images.append(image)
        targets.append(Target(np.array(boxes, np.float32), np.arange(len(CLASSES))))
    return Rectangles(tuple(images), tuple(targets), folder=Path(f"photos{seed}"))


def without_objects(photos: Rectangles) -> Rectangles:
    """The same, all of its objects difficult."""
    targets = (Target(target.boxes, target.labels, np.ones(len(target), bool)) for target in photos.targets)
    return replace(photos, targets=tuple(targets))


def windows(image: RGBImage) -> Boxes:
    """Square windows of three sizes all over an image (R, 4)."""
    height, width = image.shape[:2]
    boxes = [
        (x, y, x + side, y + side)
        for side in (24, 36, 48)
        for y in range(0, height - side + 1, 12)
        for x in range(0, width - side + 1, 12)
    ]
    return np.array(boxes, np.float32).reshape(-1, 4)


def propose(dataset: Rectangles, indices: Sequence[int] | None = None) -> list[Proposals]:
    chosen = range(len(dataset)) if indices is None else indices
    return [Proposals(windows(dataset.images[index])) for index in chosen]


def narrow_network(num_classes: int = 0, seed: int = 0, **options: object) -> GoogLeNet:
    """A GoogLeNet with a twentieth of the channels, in evaluation mode; with batch norm it learns in seconds."""
    torch.manual_seed(seed)
    return GoogLeNet(GoogLeNetOptions(num_classes=num_classes, width=0.05, **options)).eval()  # type: ignore[arg-type]


def narrow_classifier(
    seed: int = 0, *, frozen: str | None = None, box_regression: bool = True, **options: object
) -> RegionClassifier:
    """A region classifier of the two classes for crops of SIZE pixels, in evaluation mode."""
    network = narrow_network(seed=seed, **options)
    heads = RegionHeads(len(CLASSES), network.feature_width, box_regression=box_regression, cells=CELLS)
    return RegionClassifier(network, heads, frozen).eval()


def write_backbone(path: Path, **options: object) -> Path:
    """A model file of a narrow classifier of ten classes, for fine-tuning to start from."""
    names = tuple(f"class {number}" for number in range(10))
    save_classifier(path, Backbone(narrow_network(10, **options), PREPROCESSING, names))
    return path


def small_multibox_config(weights: Path, multibox: dict[str, object], training: dict[str, object]) -> Config:
    """A config that trains a MultiBox on the rectangles."""
    few = {"batch_size": 2, "learning_rate": 0.01, "warmup": 2, "average": 0.5, "photometric": False}
    return Config.model_validate(
        {"backbone": {"weights": str(weights)}, "multibox": multibox, "training": {**few, **training}}
    )


def small_config(weights: Path, **sections: dict[str, object]) -> Config:
    """A config for the rectangles, with changes by section."""
    values: dict[str, dict[str, object]] = {
        "backbone": {"weights": str(weights)},
        "regions": {"size": SIZE, "context": CONTEXT},
        "training": {
            "steps": 4,
            "batch_size": 16,
            "learning_rate": 0.01,
            "warmup": 2,
            "average": 0.5,
            "checkpoint_every": 2,
            "validate_every": 2,
        },
    }
    for section, changes in sections.items():
        values[section] = {**values.get(section, {}), **changes}
    return Config.model_validate(values)
