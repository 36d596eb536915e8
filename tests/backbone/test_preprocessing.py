"""Preprocessing: the arithmetic by hand, the round trip, the refusals."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from backbone.preprocessing import Preprocessing
from backbone.torchvision_weights import IMAGENET_PREPROCESSING, TRANSFORM_INPUT_PREPROCESSING


def pixel(red: float, green: float, blue: float, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    return torch.tensor([red, green, blue], dtype=dtype).view(1, 3, 1, 1)


def test_bgr_turns_the_channels_and_then_subtracts_their_means() -> None:
    caffe = Preprocessing(channel_order="bgr", mean=(104, 117, 123))
    assert caffe.normalise(pixel(10, 20, 30)).flatten().tolist() == [30 - 104, 20 - 117, 10 - 123]


def test_scale_divides() -> None:
    assert Preprocessing(mean=(1, 2, 3), scale=(2, 4, 8)).normalise(pixel(3, 6, 11)).flatten().tolist() == [1, 1, 1]


def test_imagenets_mean_and_deviation_are_torchvisions() -> None:
    from torchvision.transforms.functional import normalize

    expected = normalize(pixel(10, 20, 30)[0] / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(IMAGENET_PREPROCESSING.normalise(pixel(10, 20, 30))[0], expected)


def test_transform_input_maps_pixels_to_minus_one_and_one() -> None:
    assert TRANSFORM_INPUT_PREPROCESSING.normalise(pixel(0, 127.5, 255, torch.float32)).flatten().tolist() == [-1, 0, 1]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32, torch.float64, torch.bfloat16])
def test_floats_keep_their_precision_and_integers_become_float32(dtype: torch.dtype) -> None:
    out = Preprocessing().normalise(pixel(1, 2, 3, dtype))
    assert out.dtype == (dtype if dtype.is_floating_point else torch.float32)


def test_the_input_is_left_alone() -> None:
    crops = pixel(1, 2, 3, torch.float32)
    Preprocessing(channel_order="bgr", mean=(5, 5, 5)).normalise(crops)
    assert crops.flatten().tolist() == [1, 2, 3]


def test_it_survives_json() -> None:
    one = Preprocessing(channel_order="bgr", mean=(104, 117, 123.5), scale=(1, 2, 3), input_size=96)
    assert Preprocessing.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["NumPy", "PyTorch"])
def test_arrays_and_their_numbers_become_plain_ones(array: Callable[[list[float]], Any]) -> None:
    plain = Preprocessing(mean=(104, 117, 123.5), scale=(1, 2, 3), input_size=96)
    scale: Any = tuple(np.array([1, 2, 3], np.float32))
    found = Preprocessing(mean=array([104, 117, 123.5]), scale=scale, input_size=np.int64(96))  # type: ignore[arg-type]
    assert found == plain
    assert json.dumps(found.to_dict()) == json.dumps(plain.to_dict())


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 8, 8, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"shape \(N, 3, H, W\), got"):
        Preprocessing().normalise(torch.zeros(shape))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("channel_order", "RGB"),
        ("mean", (1, 2)),
        ("mean", 3.0),
        ("mean", (1, 2, float("nan"))),
        ("mean", (1, 2, "3")),
        ("scale", (1, 0, 1)),
        ("scale", (1, 1, float("inf"))),
        ("input_size", 224.0),
        ("input_size", 16),
    ],
)
def test_wrong_values_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"preprocessing {field}"):
        Preprocessing(**{field: value})


def test_another_set_of_fields_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected the fields channel_order, mean, scale, input_size, got mean, std"):
        Preprocessing.from_dict({"mean": (0, 0, 0), "std": (1, 1, 1)})
