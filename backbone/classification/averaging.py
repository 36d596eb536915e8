"""The averaged prediction of several networks on several crops, and its errors: Table 3 of the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from backbone.classification.crops import CUT, RGBImage, cut_crops
from backbone.classification.photos import LabelledPhotos
from backbone.inference import fastest_dtype, prepare_for_inference
from backbone.weights import Backbone

Pooling = Literal["mean", "max"]
POOLINGS: tuple[Pooling, ...] = ("mean", "max")


class CropClassifier:
    """One or several networks of the same classes, ready to run.

    ``class_names`` go before those of the models; classes that nobody names are numbered. ``dtype`` as of
    :func:`backbone.inference.prepare_for_inference`. Raises ``ValueError`` where classes differ or there is none.
    """

    def __init__(
        self,
        backbones: Sequence[Backbone],
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        if not backbones:
            raise ValueError("expected at least one network, got none")
        counts = [one.network.options.num_classes for one in backbones]
        if len(set(counts)) > 1:
            raise ValueError(f"models of different classes: they have {', '.join(map(str, counts))}")
        if class_names is not None and len(class_names) != counts[0]:
            raise ValueError(f"{len(class_names)} class names for a model of {counts[0]} classes")
        known = {one.class_names for one in backbones if one.class_names is not None}
        if len(known) > 1 and class_names is None:
            raise ValueError("models of different classes: as many, but under other names")
        self.class_names = tuple(class_names or next(iter(known), None) or map("class {}".format, range(counts[0])))
        self.device = torch.device(device)
        self.dtype = dtype or fastest_dtype(self.device)
        self.members = [
            (prepare_for_inference(one.network, self.device, self.dtype), one.preprocessing) for one in backbones
        ]

    @torch.inference_mode()
    def __call__(self, image: RGBImage, crops: int = 1) -> Tensor:
        """The softmax of M networks on C crops of an RGB photo: (M, C, K) float32, on the CPU."""
        cut: dict[int, Tensor] = {}
        scores = []
        for network, preprocessing in self.members:
            size = preprocessing.input_size
            if size not in cut:
                cut[size] = cut_crops(image, crops, size).to(self.device)
            logits = network(preprocessing.normalise(cut[size]).contiguous(memory_format=torch.channels_last))
            scores.append(logits.float().softmax(dim=1).cpu())
        return torch.stack(scores)


def pool(scores: Tensor, pooling: Pooling = "mean") -> Tensor:
    """Softmax (M, C, K) -> (K,): the mean over crops, or the highest, and the mean over networks (section 7)."""
    return (scores.mean(dim=1) if pooling == "mean" else scores.amax(dim=1)).mean(dim=0)


class GridRow(NamedTuple):
    """A row of Table 3: of how many ``photos`` the class was not the first, or not among the first five."""

    models: int
    crops: int
    pooling: Pooling
    photos: int
    top_1_wrong: int
    top_5_wrong: int

    @property
    def cost(self) -> int:
        """Crops that networks look at, a photo."""
        return self.models * self.crops

    @property
    def top_1_error(self) -> float:
        """In percent."""
        return 100 * self.top_1_wrong / self.photos

    @property
    def top_5_error(self) -> float:
        """In percent."""
        return 100 * self.top_5_wrong / self.photos


def error_grid(
    classifier: CropClassifier,
    photos: LabelledPhotos,
    decode: Callable[[Path], RGBImage],
    *,
    crops: Sequence[int] = tuple(CUT),
    poolings: Sequence[Pooling] = POOLINGS[:1],
    report: Callable[[int, int], None] = lambda _done, _total: None,
    unreadable: Callable[[Exception], None] | None = None,
) -> list[GridRow]:
    """Errors by number of models (the first alone, and all), of crops, and by pooling, from one pass over the photos.

    One crop has nothing to pool, and one row. ``report`` is told photos done and photos; ``unreadable``, why a photo
    cannot be read, which is then left out: without it the first such error is raised, as it is where no photo is left.
    """
    wrong: dict[tuple[int, int, Pooling], list[int]] = {
        key: [0, 0] for key in _settings(len(classifier.members), crops, poolings)
    }
    read = 0
    for image, label in _readable(photos, decode, report, unreadable):
        read += 1
        scores = {count: classifier(image, count) for count in crops}
        for (models, count, pooling), counts in wrong.items():
            best = pool(scores[count][:models], pooling)
            best = best.topk(min(5, len(best))).indices
            counts[0] += int(best[0] != label)
            counts[1] += int(label not in best)
    return [GridRow(*key, read, *counts) for key, counts in wrong.items()]


def _readable(
    photos: LabelledPhotos,
    decode: Callable[[Path], RGBImage],
    report: Callable[[int, int], None],
    unreadable: Callable[[Exception], None] | None,
) -> Iterator[tuple[RGBImage, int]]:
    """The photos and their labels, as :func:`error_grid` says."""
    read = 0
    for done, (path, label) in enumerate(zip(photos.paths, photos.labels, strict=True), start=1):
        try:
            image = decode(path)
        except (ValueError, OSError) as error:
            if unreadable is None or (done == len(photos) and not read):
                raise
            unreadable(error)
        else:
            read += 1
            yield image, label
        report(done, len(photos))


def _settings(models: int, crops: Sequence[int], poolings: Sequence[Pooling]) -> Iterator[tuple[int, int, Pooling]]:
    """The rows of the grid, in the paper's order."""
    for some in sorted({1, models}):
        for count in crops:
            for pooling in poolings if count > 1 else poolings[:1]:
                yield some, count, pooling
