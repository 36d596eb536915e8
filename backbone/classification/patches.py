"""What a network is trained on: random patches of photos, as section 6 of the paper draws them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from backbone.classification.photos import LabelledPhotos

RGBImage = NDArray[np.uint8]  # (H, W, 3)

AREA = (0.08, 1.0)  # of the photo's, evenly distributed
ASPECT = (3 / 4, 4 / 3)  # width over height
INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_NEAREST, cv2.INTER_CUBIC)  # equally likely
DEGREE = (0.5, 1.5)  # of brightness, contrast and colour, in any order, after A. Howard (arXiv 1312.5402)


class Patch(NamedTuple):
    """A part of a photo, in its pixels."""

    x: int
    y: int
    width: int
    height: int


def draw_patch(width: int, height: int, random: np.random.Generator) -> Patch:
    """A patch of a photo of ``width`` x ``height`` pixels, of even area and position.

    The area is drawn first and the aspect (by its logarithm) among those at which that area fits, so that the area
    stays even where rejecting patches that do not fit would make large ones rare. In a photo longer than the aspects
    go, the largest patch there is stands for the areas that do not fit.
    """
    area = random.uniform(*AREA) * width * height
    low, high = max(ASPECT[0], area / height**2), min(ASPECT[1], width**2 / area)
    if low <= high:
        aspect = float(np.exp(random.uniform(np.log(low), np.log(high))))
    else:
        aspect = ASPECT[1] if width > height else ASPECT[0]
    exact = min((area * aspect) ** 0.5, width, height * aspect)
    w, h = max(1, round(exact)), min(height, max(1, round(exact / aspect)))
    return Patch(int(random.integers(width - w + 1)), int(random.integers(height - h + 1)), w, h)


class PatchStream(Dataset[tuple[Tensor, int]]):
    """An endless stream of crops (3, size, size) uint8 RGB and their labels; every epoch has an order of its own.

    What lies at a position depends on the seed and the position alone: a run may stop and go on anywhere, and any
    number of workers gives the same. ``decode`` reads a photo as RGB.
    """

    def __init__(
        self,
        photos: LabelledPhotos,
        decode: Callable[[Path], RGBImage],
        *,
        size: int = 224,
        photometric: bool = True,
        seed: int = 0,
    ) -> None:
        self.photos = photos
        self.decode = decode
        self.size = size
        self.seed = seed
        self.distort = _distortion() if photometric else None
        self._order = (-1, np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        index = self.index(position)
        image = self.decode(self.photos.paths[index])
        crop = self.crop(image, np.random.default_rng((self.seed, position)))
        return torch.from_numpy(crop).permute(2, 0, 1), self.photos.labels[index]

    def index(self, position: int) -> int:
        """The photo at a position; ``len(self)`` positions in a row, from a multiple of it on, have each once."""
        epoch, offset = divmod(position, len(self.photos))
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng((self.seed, epoch, 1)).permutation(len(self.photos))
        return int(self._order[1][offset])

    def crop(self, image: RGBImage, random: np.random.Generator) -> RGBImage:
        """A patch of ``image`` at the size of the network's input, perhaps mirrored, its colours distorted."""
        x, y, width, height = draw_patch(image.shape[1], image.shape[0], random)
        interpolation = INTERPOLATIONS[random.integers(len(INTERPOLATIONS))]
        crop = cv2.resize(image[y : y + height, x : x + width], (self.size, self.size), interpolation=interpolation)
        if random.random() < 0.5:
            crop = crop[:, ::-1]
        if self.distort is not None:
            self.distort.set_random_seed(int(random.integers(2**31)))
            crop = self.distort(image=np.ascontiguousarray(crop))["image"]
        return np.ascontiguousarray(crop, np.uint8)

    def batches(self, start: int, stop: int, batch_size: int, workers: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches ``start`` to ``stop`` (exclusive): crops (N, 3, size, size) uint8, labels (N,).

        A photo that cannot be read raises what ``decode`` raised, whoever read it.
        """
        positions = range(start * batch_size, stop * batch_size)
        loader = DataLoader(
            _Attempts(self), batch_size, sampler=positions, num_workers=workers, collate_fn=_batch_or_error
        )
        for batch in loader:
            if isinstance(batch, Exception):
                raise batch
            yield batch


class _Attempts(Dataset[tuple[Tensor, int] | Exception]):
    """A stream whose unreadable photos are errors to hand on: what a worker raises comes with its traceback."""

    def __init__(self, stream: PatchStream) -> None:
        self.stream = stream

    def __getitem__(self, position: int) -> tuple[Tensor, int] | Exception:
        try:
            return self.stream[position]
        except (ValueError, OSError) as error:
            return error


def _batch_or_error(samples: list[tuple[Tensor, int] | Exception]) -> list[Tensor] | Exception:
    failed = [sample for sample in samples if isinstance(sample, Exception)]
    return failed[0] if failed else default_collate(samples)


def _distortion() -> Any:  # albumentations has no types
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the package index for its newest version
    import albumentations

    jitter = albumentations.ColorJitter(brightness=DEGREE, contrast=DEGREE, saturation=DEGREE, hue=(0, 0), p=1)
    return albumentations.Compose([jitter])
