"""The prepared network gives the numbers of the trained one."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn

from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.inference import fastest_dtype, prepare_for_inference


def network(**options: Any) -> GoogLeNet:
    torch.manual_seed(0)
    trained = GoogLeNet(GoogLeNetOptions(num_classes=5, width=0.1, auxiliary=True, **options))
    for module in trained.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    return trained.train()


CROPS = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 60


@pytest.mark.parametrize("options", [{}, {"normalisation": "batch_norm"}, {"stem": "separable"}], ids=str)
def test_it_equals_the_trained_network(options: dict[str, Any]) -> None:
    trained = network(**options)
    prepared = prepare_for_inference(trained, dtype=torch.float32)
    with torch.inference_mode():
        torch.testing.assert_close(prepared(CROPS), trained.eval()(CROPS), rtol=1e-4, atol=1e-4)


def test_batch_norm_is_gone() -> None:
    prepared = prepare_for_inference(network(normalisation="batch_norm"))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in prepared.modules())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close_and_its_logits_are_float32(dtype: torch.dtype) -> None:
    trained = network()
    with torch.inference_mode():
        logits = prepare_for_inference(trained, dtype=dtype)(CROPS)
        expected = trained.eval()(CROPS)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, expected, rtol=0, atol=0.02 * float(expected.abs().max()))


def test_features_are_float32_for_whoever_stands_on_them() -> None:
    assert prepare_for_inference(network(), dtype=torch.bfloat16).features(CROPS).dtype == torch.float32


def test_the_original_is_left_as_it_was() -> None:
    trained = network(normalisation="batch_norm")
    before = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    prepare_for_inference(trained, dtype=torch.bfloat16)
    assert trained.training
    assert all(parameter.requires_grad for parameter in trained.parameters())
    assert trained.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in trained.state_dict().items())


def test_it_is_for_running_only() -> None:
    prepared = prepare_for_inference(network())
    assert not prepared.training
    assert not any(parameter.requires_grad for parameter in prepared.parameters())
    assert not prepared.auxiliaries
    assert prepared.stem.conv2.weight.is_contiguous(memory_format=torch.channels_last)


def test_without_a_linear_layer_it_gives_features() -> None:
    prepared = prepare_for_inference(GoogLeNet(GoogLeNetOptions(num_classes=0, width=0.05)))
    assert prepared.features(CROPS).shape == (3, prepared.feature_width)


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)],
)
def test_bfloat16_is_for_processors_that_multiply_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert fastest_dtype("cpu") == dtype


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_older_gpus_get_float16(monkeypatch: pytest.MonkeyPatch, native: bool, dtype: torch.dtype) -> None:
    asked: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext(asked.append(device)))
    assert fastest_dtype("cuda:1") == dtype
    assert asked == [torch.device("cuda:1")]


@pytest.mark.gpu
def test_a_gpu_gives_the_same_numbers() -> None:
    trained = network()
    with torch.inference_mode():
        on_gpu = prepare_for_inference(trained, "cuda", torch.float32)(CROPS.cuda()).cpu()
        torch.testing.assert_close(on_gpu, trained.eval()(CROPS), rtol=1e-2, atol=1e-2)
