"""Scores of crops and models: how they are pooled, and the grid of Table 3."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from backbone.classification.averaging import CropClassifier, GridRow, error_grid, pool
from backbone.classification.crops import cut_crops
from backbone.classification.photos import LabelledPhotos
from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.preprocessing import Preprocessing
from backbone.weights import Backbone
from tests.backbone.classification.coloured_shapes import CLASSES, shape

SMALL = Preprocessing(mean=(120, 120, 120), scale=(60, 60, 60), input_size=35)


def narrow(seed: int, classes: int = 6, names: Iterable[str] | None = CLASSES, size: int = 35) -> Backbone:
    torch.manual_seed(seed)
    network = GoogLeNet(GoogLeNetOptions(num_classes=classes, width=0.05)).eval()
    return Backbone(
        network,
        Preprocessing(SMALL.channel_order, SMALL.mean, SMALL.scale, size),
        None if names is None else tuple(names),
    )


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    return shape("red_disc", np.random.default_rng(0))


def test_every_model_sees_every_crop(photo: NDArray[np.uint8]) -> None:
    models = [narrow(0), narrow(1, size=42)]
    scores = CropClassifier(models, dtype=torch.float32)(photo, 10)
    assert scores.shape == (2, 10, 6)
    for model, ours in zip(models, scores, strict=True):
        crops = model.preprocessing.normalise(cut_crops(photo, 10, model.preprocessing.input_size))
        with torch.inference_mode():
            torch.testing.assert_close(ours, model.network(crops).softmax(dim=1), rtol=1e-4, atol=1e-5)


def test_pooling_is_over_crops_then_over_models() -> None:
    scores = torch.tensor([[[0.9, 0.1], [0.1, 0.9]], [[0.6, 0.4], [0.8, 0.2]]])
    torch.testing.assert_close(pool(scores), torch.tensor([0.6, 0.4]))
    torch.testing.assert_close(pool(scores, "max"), torch.tensor([0.85, 0.65]))


def test_classes_are_called_as_the_caller_says_as_the_models_say_or_by_number() -> None:
    assert CropClassifier([narrow(0), narrow(1, names=None)]).class_names == CLASSES
    assert CropClassifier([narrow(0, names=None)]).class_names[5] == "class 5"
    assert CropClassifier([narrow(0), narrow(1, names="abcdef")], class_names="ghijkl").class_names[0] == "g"


@pytest.mark.parametrize(
    ("others", "names", "message"),
    [
        ([narrow(1, 5, None)], None, "models of different classes: they have 6, 5"),
        ([narrow(1, names="abcdef")], None, "as many, but under other names"),
        ([], "abc", "3 class names for a model of 6 classes"),
    ],
)
def test_models_that_do_not_fit_are_refused(others: list[Backbone], names: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CropClassifier([narrow(0), *others], class_names=names)


def test_no_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one network, got none"):
        CropClassifier([])


class Oracle:
    """Two models: the first is right about photo 0, the second about both, and of ten crops one is wild."""

    members = (None, None)

    def __call__(self, image: NDArray[np.uint8], crops: int) -> Tensor:
        number = int(image[0, 0, 0])
        right, other = (number, number + 1)
        scores = torch.full((2, crops, 8), 0.02)
        scores[0, :, right] = 0.01
        scores[0, :, right if number != 1 else other] = 0.6
        scores[0, :, 7] = 0.4
        scores[1, :, right] = 0.9
        if crops == 10:
            scores[:, 3, 7] = 1.0
        return scores


def test_the_grid_counts_what_each_row_gets_wrong() -> None:
    photos = LabelledPhotos(tuple("abcdefgh"), (Path("0"), Path("1")), (0, 1))

    def decode(path: Path) -> NDArray[np.uint8]:
        return np.full((1, 1, 3), int(path.name), np.uint8)

    told: list[tuple[int, int]] = []
    rows = error_grid(
        Oracle(),  # type: ignore[arg-type]
        photos,
        decode,
        crops=(1, 10),
        poolings=("mean", "max"),
        report=lambda done, total: told.append((done, total)),
    )
    assert [(row.models, row.crops, row.pooling) for row in rows] == [
        (1, 1, "mean"),
        (1, 10, "mean"),
        (1, 10, "max"),
        (2, 1, "mean"),
        (2, 10, "mean"),
        (2, 10, "max"),
    ]
    assert [row.top_1_wrong for row in rows] == [1, 1, 2, 0, 0, 2]
    assert [row.top_5_wrong for row in rows] == [1, 1, 1, 0, 0, 0]
    assert [row.cost for row in rows] == [1, 10, 10, 2, 20, 20]
    assert told == [(1, 2), (2, 2)]


def test_photos_that_cannot_be_read_are_left_out_where_somebody_is_told() -> None:
    def decode(path: Path) -> NDArray[np.uint8]:
        if path.name != "1":
            raise OSError(f"{path}: gone")
        return np.full((1, 1, 3), 1, np.uint8)

    told: list[str] = []
    photos = LabelledPhotos(tuple("abcdefgh"), (Path("0"), Path("1"), Path("2")), (0, 1, 2))
    oracle = Oracle()
    first, _ = error_grid(oracle, photos, decode, crops=[1], unreadable=lambda error: told.append(str(error)))  # type: ignore[arg-type]
    assert (first.photos, first.top_1_error, told) == (1, 100, ["0: gone", "2: gone"])
    with pytest.raises(OSError, match="0: gone"):
        error_grid(oracle, photos, decode, crops=[1])  # type: ignore[arg-type]
    none = LabelledPhotos(tuple("abcdefgh"), (Path("2"),), (2,))
    with pytest.raises(OSError, match="2: gone"):
        error_grid(oracle, none, decode, crops=[1], unreadable=lambda _: None)  # type: ignore[arg-type]


def test_errors_are_percentages() -> None:
    row = GridRow(7, 144, "mean", photos=200, top_1_wrong=50, top_5_wrong=13)
    assert (row.cost, row.top_1_error, row.top_5_error) == (1008, 25.0, 6.5)


def test_fewer_than_five_classes_have_no_top_5_error(photo: NDArray[np.uint8]) -> None:
    photos = LabelledPhotos(tuple("abc"), (Path("x"),), (2,))
    (row,) = error_grid(CropClassifier([narrow(0, 3, None)]), photos, lambda _: photo, crops=[1])
    assert row.top_5_wrong == 0
