"""Options: written and read strictly, refused with the value and the choices."""

import json
from typing import Any

import numpy as np
import pytest

from backbone.options import GoogLeNetOptions


def test_they_survive_json() -> None:
    options = GoogLeNetOptions(num_classes=5, stem="separable", normalisation="none", auxiliary=True, width=0.5)
    assert GoogLeNetOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options


def test_a_missing_option_has_its_default() -> None:
    assert GoogLeNetOptions.from_dict({"num_classes": 7}) == GoogLeNetOptions(num_classes=7)


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"unknown GoogLeNet option 'classes'; the options are num_classes, stem, .*width"
    ):
        GoogLeNetOptions.from_dict({"classes": 7})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stem", "seperable", "'seperable' is not one of 'plain', 'separable'"),
        ("inception", None, "None is not one of 'reduced', 'naive'"),
        ("normalisation", "bn", "'bn' is not one of 'lrn', 'batch_norm', 'none'"),
        ("third_branch_kernel", 4, "4 is not one of 5, 3"),
        ("third_branch_kernel", 5.0, r"5\.0 is not one of 5, 3"),
        ("num_classes", "20", "expected int, got '20'"),
        ("num_classes", True, "expected int, got True"),
        ("num_classes", -1, "or more, got -1"),
        ("auxiliary", 1, "expected bool, got 1"),
        ("dropout", 1.0, r"in \[0, 1\), got 1\.0"),
        ("dropout", True, "expected float, got True"),
        ("width", 0, "positive multiplier, got 0"),
        ("width", float("inf"), "positive multiplier, got inf"),
        ("width", float("nan"), "positive multiplier, got nan"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"GoogLeNet option {name}: .*{message}"):
        GoogLeNetOptions.from_dict({name: value})


def test_numbers_out_of_arrays_become_plain_ones() -> None:
    plain = GoogLeNetOptions(num_classes=5, third_branch_kernel=3, auxiliary=True, dropout=0.5, width=0.25)
    found = GoogLeNetOptions.from_dict(
        {
            "num_classes": np.int64(5),
            "third_branch_kernel": np.int32(3),
            "auxiliary": np.bool_(True),
            "dropout": np.float32(0.5),
            "width": np.float64(0.25),
        }
    )
    assert found == plain
    assert json.dumps(found.to_dict()) == json.dumps(plain.to_dict())
    with pytest.raises(ValueError, match=r"expected int, got 5\.0"):
        GoogLeNetOptions.from_dict({"num_classes": np.float32(5)})


def test_auxiliary_heads_need_classes() -> None:
    with pytest.raises(ValueError, match="auxiliary heads need num_classes of at least 1"):
        GoogLeNetOptions(num_classes=0, auxiliary=True)
