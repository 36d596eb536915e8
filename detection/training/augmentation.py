"""Photometric distortions of whole photos, before regions are cut from them (paper, section 6; albumentations)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numpy as np

from detection.datasets.base import Dataset
from detection.structures import RGBImage


class _Distortion(threading.local):
    """Brightness, contrast, hue, saturation, now and then grey; every thread has its own, as it carries its seed."""

    def __init__(self) -> None:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the package index for its newest version
        import albumentations

        self.transform = albumentations.Compose(
            [
                albumentations.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5),
                albumentations.HueSaturationValue(hue_shift_limit=8, sat_shift_limit=30, val_shift_limit=0, p=0.5),
                albumentations.ToGray(p=0.05),
            ]
        )

    def __call__(self, image: RGBImage, seed: int) -> RGBImage:
        self.transform.set_random_seed(seed)
        return np.asarray(self.transform(image=image)["image"], np.uint8)


def photometric(dataset: Dataset) -> Callable[[int, np.random.Generator], RGBImage]:
    """Read a photo and distort its colours; what is done depends on the random state given and on nothing else.

    One photo gives several regions, so the distortion is paid once; boxes stay as they are, because nothing moves.
    Threads may read side by side.
    """
    distort = _Distortion()

    def read(index: int, random: np.random.Generator) -> RGBImage:
        return distort(dataset.image(index), int(random.integers(2**31)))

    return read
