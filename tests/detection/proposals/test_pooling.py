"""RoI pooling, and the form of it that torchvision takes on a GPU where its bits must repeat."""

import torch
from torchvision.ops import roi_align
from torchvision.ops.roi_align import _roi_align as roi_align_that_repeats

from detection.proposals.pooling import on_the_map, pool_around

CELLS, STRIDE = 5, 16


def test_the_form_that_repeats_is_the_same_pooling_on_the_map() -> None:
    random = torch.Generator().manual_seed(0)
    feature_map = torch.rand(1, 3, 20, 30, generator=random) + 1
    corners = torch.rand(200, 2, generator=random) * 600 - 150
    windows = torch.cat([corners, corners + torch.rand(200, 2, generator=random) * 500 + 1], dim=1)
    rows = torch.cat([torch.zeros(200, 1), windows], dim=1)
    usual = roi_align(feature_map, [windows], CELLS, 1 / STRIDE, sampling_ratio=1, aligned=True)
    with torch.compiler.set_stance("force_eager"):
        other = roi_align_that_repeats(feature_map, rows, 1 / STRIDE, CELLS, CELLS, 1, True)
    seen = on_the_map(windows, CELLS, STRIDE, feature_map.shape[2:])
    assert 0.2 < seen.float().mean() < 0.8
    assert not torch.allclose(other, usual, atol=1e-3)
    assert torch.allclose(other * seen[:, None], usual, atol=1e-5)


def test_a_box_on_a_plain_map_is_pooled_from_its_surroundings() -> None:
    feature_map = torch.zeros(1, 1, 10, 10)
    feature_map[..., 4:6, 4:6] = 1
    boxes = torch.tensor([[64.0, 64, 96, 96]])  # the cells that are 1
    assert pool_around(feature_map, boxes, 1.0, 2, STRIDE).tolist() == [[1, 1, 1, 1]]
    assert pool_around(feature_map, boxes, 3.0, 3, STRIDE).tolist() == [[0, 0, 0, 0, 1, 0, 0, 0, 0]]
