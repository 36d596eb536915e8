"""Local response normalisation against PyTorch's slow one, in every precision, layout and direction."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from backbone import lrn
from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.lrn import LocalResponseNorm, local_response_norm

FORMATS = pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last], ids=["first", "last"]
)


def activations(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """As large as the network's own, so that the denominator is far from 1."""
    return (torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 200).to(dtype)


def reference(x: Tensor) -> Tensor:
    return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)


@FORMATS
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 64, 192])
def test_it_equals_the_slow_one(channels: int, memory_format: torch.memory_format) -> None:
    x = activations(3, channels, 6, 5).to(memory_format=memory_format)
    y = local_response_norm(x)
    torch.testing.assert_close(y, reference(x), rtol=1e-6, atol=1e-6)
    assert y.is_contiguous(memory_format=memory_format)


@FORMATS
def test_cutting_into_parts_changes_nothing(
    memory_format: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = activations(5, 16, 7, 3).to(memory_format=memory_format)
    whole = local_response_norm(x)
    monkeypatch.setattr(lrn, "CACHED_ELEMENTS", 100)
    assert len(lrn._parts(x)) > 2
    assert torch.equal(local_response_norm(x), whole)


@FORMATS
def test_the_gradient_is_the_derivative(memory_format: torch.memory_format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lrn, "CACHED_ELEMENTS", 40)
    x = activations(2, 9, 3, 2, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()
    assert torch.autograd.gradcheck(local_response_norm, x)


def test_the_gradient_has_a_derivative() -> None:
    x = activations(2, 7, 2, 1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(local_response_norm, x)


@pytest.mark.parametrize(
    "transform",
    [
        # the gradient from above needs no derivative of its own: a wrong one would be zero, without a word
        lambda f, x: torch.autograd.functional.hessian(lambda y: f(y).sum(), x),
        lambda f, x: torch.autograd.functional.jacobian(f, x, vectorize=True),
        lambda f, x: torch.func.grad(lambda y: f(y).sum())(x),
        lambda f, x: torch.func.jacrev(torch.func.grad(lambda y: f(y).sum()))(x),
        lambda f, x: torch.func.vmap(f)(x[:, None]),
    ],
    ids=["hessian", "vectorised jacobian", "func.grad", "func.jacrev", "func.vmap"],
)
def test_whatever_differentiates_sees_the_same_function(
    transform: Callable[[Callable[[Tensor], Tensor], Tensor], Tensor],
) -> None:
    x = activations(3, 6, 2, 1, dtype=torch.float64)
    expected = transform(reference, x)
    assert expected.abs().max() > 0
    torch.testing.assert_close(transform(local_response_norm, x), expected)


def test_the_gradient_of_another_layout_is_understood() -> None:
    x = activations(2, 8, 4, 4).to(memory_format=torch.channels_last).requires_grad_()
    slow = x.detach().clone().requires_grad_()
    weights = activations(2, 8, 4, 4)
    (local_response_norm(x) * weights).sum().backward()
    (reference(slow) * weights).sum().backward()
    torch.testing.assert_close(x.grad, slow.grad, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_costs_one_rounding(dtype: torch.dtype) -> None:
    """300 squared does not fit float16; bfloat16 would add squares to 1 with two digits."""
    x = activations(2, 64, 8, 8, dtype=dtype)
    rounding = torch.finfo(dtype).eps / 2
    torch.testing.assert_close(local_response_norm(x).float(), reference(x.float()), rtol=1.01 * rounding, atol=1e-6)
    x.requires_grad_()
    local_response_norm(x).float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype
    assert x.grad.isfinite().all()


def test_autocast_keeps_the_precision_that_came_in() -> None:
    x = activations(1, 8, 4, 4, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(local_response_norm(x), local_response_norm(x.clone()))
        assert local_response_norm(x).dtype == torch.bfloat16


def test_the_form_for_compilers_is_the_same_function() -> None:
    x = activations(3, 16, 5, 4)
    program = torch.export.export(LocalResponseNorm(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(program.module()(activations(7, 16, 5, 4)), reference(activations(7, 16, 5, 4)))


@pytest.mark.parametrize(
    "view", [lambda x: x.transpose(2, 3), lambda x: x[:, ::2], lambda x: x[:1].expand(3, -1, -1, -1)]
)
def test_any_view_will_do(view: Callable[[Tensor], Tensor]) -> None:
    """A layout that is neither of the two, written through a copy, would leave the output empty."""
    x = activations(2, 12, 5, 4).requires_grad_()
    y = local_response_norm(view(x))
    torch.testing.assert_close(y, reference(view(x)), rtol=1e-6, atol=1e-6)
    assert torch.autograd.grad(y.sum(), x)[0].isfinite().all()


def test_the_input_is_left_alone() -> None:
    x = activations(2, 8, 4, 4)
    before = x.clone()
    local_response_norm(x)
    assert torch.equal(x, before)


def test_no_images_are_ordinary() -> None:
    assert local_response_norm(torch.zeros(0, 8, 4, 4)).shape == (0, 8, 4, 4)


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N, C, H, W\), got shape \(8, 4\)"):
        local_response_norm(torch.zeros(8, 4))


def test_a_network_can_be_copied() -> None:
    copy.deepcopy(GoogLeNet(GoogLeNetOptions(width=0.05, num_classes=2)))
