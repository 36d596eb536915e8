"""What the head of MultiBox says of windows."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from detection.proposals.multibox.head import MultiBoxHead, MultiBoxSettings, View, decode, encode

SETTINGS = MultiBoxSettings(
    image_size=64, stages=("3b", "4e"), channels=(3, 5), strides=(8, 16), widths=(2, 4), cells=2, hidden=6, candidates=3
)
PRIORS = torch.tensor([[0.0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75]])


def a_view(seed: int = 0) -> View:
    random = torch.Generator().manual_seed(seed)
    return View((torch.rand(1, 3, 6, 8, generator=random), torch.rand(1, 5, 3, 4, generator=random)), 64, 48)


def a_head(**changes: object) -> MultiBoxHead:
    torch.manual_seed(0)
    head = MultiBoxHead(PRIORS, MultiBoxSettings(**{**SETTINGS.__dict__, **changes})).eval()
    torch.nn.init.normal_(head.output.weight, std=0.5)
    return head


def boxes(seed: int, count: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=random) * 50
    return torch.cat([low, low + 1 + torch.rand(count, 2, generator=random) * 50], dim=1)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 5))
def test_decoding_is_the_inverse_of_encoding(seed: int, count: int) -> None:
    windows, objects = boxes(seed, count), boxes(seed + 1, count)
    assert torch.allclose(decode(encode(objects, windows), windows), objects, atol=1e-3)


def test_an_offset_is_relative_to_the_windows_side() -> None:
    window, larger = torch.tensor([[10.0, 10, 30, 50]]), torch.tensor([[20.0, 20, 60, 100]])
    moved = torch.tensor([[12.0, 10, 30, 54]])
    assert torch.allclose(encode(moved, window), encode(2 * moved, larger))
    assert torch.equal(decode(torch.zeros(1, 4), window), window)


def test_every_window_is_answered_alone_or_with_others() -> None:
    head, windows = a_head(), boxes(0, 5)
    reduced = head.reduce(a_view())
    offsets, logits = head(reduced, windows)
    assert offsets.shape == (5, 4)
    assert logits.shape == (5,)
    alone = head(reduced, windows[2:3])
    assert torch.allclose(alone.offsets, offsets[2:3], atol=1e-5)
    assert torch.allclose(alone.logits, logits[2:3], atol=1e-5)
    assert head(reduced, windows[:0]).offsets.shape == (0, 4)


@pytest.mark.parametrize("stage", [0, 1])
def test_each_map_is_looked_at(stage: int) -> None:
    head, view, windows = a_head(), a_view(), torch.tensor([[8.0, 8, 56, 40]])
    maps = list(view.maps)
    maps[stage] = maps[stage] * 3
    changed = head(head.reduce(view._replace(maps=tuple(maps))), windows)
    assert not torch.allclose(changed.offsets, head(head.reduce(view), windows).offsets, atol=1e-4)


def test_an_untrained_head_takes_little_for_an_object_and_moves_nothing() -> None:
    head = MultiBoxHead(PRIORS, SETTINGS)
    offsets, logits = head(head.reduce(a_view()), boxes(0, 4))
    assert (offsets == 0).all()
    assert torch.allclose(logits.sigmoid(), torch.tensor(0.018), atol=1e-3)


def test_priors_are_windows_in_the_pixels_of_a_view() -> None:
    assert a_head().first_windows(a_view())[1].tolist() == [32, 24, 64, 48]


def test_the_second_look_is_at_the_best_boxes_of_the_first_which_lie_apart_and_inside() -> None:
    head = a_head(apart=0.5)
    reduced = head.reduce(a_view())
    windows = head.second_windows(reduced)
    first = head.first_windows(reduced)
    offsets, logits = head(reduced, first)
    best = decode(offsets, first)[logits.argmax()].clamp(min=0)
    assert torch.allclose(windows[0], torch.minimum(best, torch.tensor([64.0, 48, 64, 48])))
    assert 1 <= len(windows) <= 3
    assert ((windows >= 0) & (windows <= torch.tensor([64.0, 48, 64, 48]))).all()
    assert not windows.requires_grad
    assert len(a_head(candidates=1).second_windows(reduced)) == 1
