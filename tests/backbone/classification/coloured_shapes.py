"""Photos of coloured shapes in class folders: a data set that a narrow network learns in seconds."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = {"blue": (40, 60, 220), "green": (40, 190, 60), "red": (220, 50, 40)}
CLASSES = tuple(f"{colour}_{shape}" for colour in COLOURS for shape in ("disc", "stripes"))


def decode(path: Path) -> NDArray[np.uint8]:
    return np.array(Image.open(path).convert("RGB"))


def shape(name: str, random: np.random.Generator, width: int = 80, height: int = 72) -> NDArray[np.uint8]:
    """A photo of a class of ``CLASSES``: a disc or a striped square near the centre of a noisy grey."""
    colour, kind = name.split("_")
    image = random.integers(90, 170, (height, width, 3)).astype(np.uint8)
    radius = int(random.integers(height // 5, height // 3))
    x, y = (side // 2 + int(random.integers(-8, 9)) for side in (width, height))
    if kind == "disc":
        cv2.circle(image, (x, y), radius, COLOURS[colour], thickness=-1)
    else:
        for line in range(y - radius, y + radius, 6):
            cv2.rectangle(image, (x - radius, line), (x + radius, line + 2), COLOURS[colour], thickness=-1)
    return image


def write_shapes(root: Path, per_class: int, seed: int = 0) -> Path:
    """``root/<class>/<number>.png``."""
    random = np.random.default_rng(seed)
    for name in CLASSES:
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            Image.fromarray(shape(name, random)).save(root / name / f"{number}.png")
    return root
