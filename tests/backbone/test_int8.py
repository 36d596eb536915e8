"""Weights in a byte each."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from backbone.int8 import from_int8, to_int8
from backbone.model_file import change_header, read_model_file, read_model_header, save_model_file

KERNELS = torch.randn(8, 3, 5, 5, generator=torch.Generator().manual_seed(0)) * torch.logspace(-4, 2, 8).view(
    -1, 1, 1, 1
)


@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_weight_moves_by_half_a_step_of_its_channel_at_most(rows: list[list[float]]) -> None:
    weights = torch.tensor(rows)
    numbers, scale = to_int8(weights)
    assert numbers.dtype == torch.int8
    moved = (from_int8(numbers, scale) - weights).abs()
    assert (moved <= 0.5001 * scale[:, None] + 1e-30).all()
    assert (scale <= weights.abs().amax(dim=1) / 126).all()


def test_every_channel_has_its_own_scale_and_zero_stays() -> None:
    weights = KERNELS.clone()
    weights[3] = 0
    weights[5, 0, 0, 0] = 0
    back = from_int8(*to_int8(weights))
    assert (back[3] == 0).all()
    assert back[5, 0, 0, 0] == 0
    error = (back - weights).flatten(1).norm(dim=1) / weights.flatten(1).norm(dim=1).clamp(min=1e-9)
    assert error.max() < 0.01


def test_a_file_holds_bytes_and_is_read_as_floats(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors = {"conv.weight": KERNELS, "conv.bias": torch.ones(8), "linear.weight": torch.ones(2, 8)}
    save_model_file(path, tensors, {"kind": "detector"}, torch.float16, int8=["conv.weight"])
    kinds = {name: tensor.dtype for name, tensor in load_file(path).items()}
    assert kinds == {
        "conv.weight": torch.int8,
        "conv.weight:scale": torch.float32,
        "conv.bias": torch.float16,
        "linear.weight": torch.float16,
    }
    read, _ = read_model_file(path)
    assert read.keys() == tensors.keys()
    assert torch.equal(read["conv.weight"], from_int8(*to_int8(KERNELS)))


def test_what_is_read_and_written_again_is_the_same(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.safetensors", tmp_path / "twice.safetensors"
    save_model_file(once, {"w": KERNELS}, {"kind": "detector"}, int8=["w"])
    save_model_file(twice, read_model_file(once)[0], {"kind": "detector"}, int8=["w"])
    assert torch.equal(load_file(once)["w"], load_file(twice)["w"])


def test_a_header_is_changed_and_the_bytes_stay(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model_file(path, {"w": KERNELS, "b": torch.ones(2)}, {"kind": "detector", "a": 1}, torch.float16, int8=["w"])
    before = load_file(path)
    change_header(path, {"a": 2, "b": [3]})
    assert read_model_header(path) == {"kind": "detector", "a": 2, "b": [3], "format": 1}
    after = load_file(path)
    assert all(torch.equal(before[name], after[name]) and before[name].dtype == after[name].dtype for name in before)
    assert list(tmp_path.iterdir()) == [path]


def test_a_weight_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="w holds a value that is not finite"):
        save_model_file(
            tmp_path / "x.safetensors", {"w": torch.full((1, 2), torch.nan)}, {"kind": "detector"}, int8=["w"]
        )
