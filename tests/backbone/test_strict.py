"""Strict loading: one error names everything that does not fit."""

import pytest
import torch
from torch import nn

from backbone.strict import load_strict


def test_it_loads_other_precisions() -> None:
    layer = nn.Linear(2, 1)
    load_strict(layer, {"weight": torch.ones(1, 2, dtype=torch.float16), "bias": torch.zeros(1, dtype=torch.float64)})
    assert layer.weight.dtype == torch.float32
    assert layer.weight.tolist() == [[1, 1]]


def test_one_error_names_all_faults_and_the_source() -> None:
    with pytest.raises(
        ValueError,
        match=r"a\.file: not the weights of the network: missing: bias; unexpected: gain; "
        r"wrong shape: weight is \(2, 2\), not \(1, 2\)$",
    ):
        load_strict(nn.Linear(2, 1), {"weight": torch.ones(2, 2), "gain": torch.ones(1)}, "a.file")


def test_nothing_is_loaded_when_something_is_wrong() -> None:
    layer = nn.Linear(2, 1)
    before = layer.weight.clone()
    with pytest.raises(ValueError, match="missing: bias"):
        load_strict(layer, {"weight": torch.ones(1, 2)})
    assert torch.equal(layer.weight, before)


def test_a_long_list_is_cut() -> None:
    with pytest.raises(ValueError, match=r"missing: 0\.bias, (\d\.\w+, ){4}3\.weight and 1 more$"):
        load_strict(nn.Sequential(*(nn.Linear(1, 1) for _ in range(4))), {"0.weight": torch.ones(1, 1)})
