import pytest
import torch

from detection.training.precision import choose_dtype

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_auto_is_what_the_device_likes_and_the_others_are_themselves() -> None:
    assert choose_dtype("auto", CPU, torch.bfloat16) == torch.bfloat16
    assert choose_dtype("float32", CPU, torch.bfloat16) == torch.float32
    assert choose_dtype("bf16", CPU, torch.float32) == torch.bfloat16
    assert choose_dtype("fp16", CUDA, torch.bfloat16) == torch.float16


def test_half_precision_is_for_gpus() -> None:
    with pytest.raises(
        ValueError, match=r"training\.precision: fp16 is for CUDA devices, and this run is on cpu: choose"
    ):
        choose_dtype("fp16", CPU, torch.float32)
