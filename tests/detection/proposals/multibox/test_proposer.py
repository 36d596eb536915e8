"""MultiBox as a proposer: any image, the same boxes again, and the object of a head that knows it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from detection.boxes import iou
from detection.proposals.multibox.head import MultiBoxHead, MultiBoxSettings, Predictions, View, encode
from detection.proposals.multibox.proposer import MultiBox, Viewer
from tests.contracts import assert_is_proposer

CPU = torch.device("cpu")
SETTINGS = MultiBoxSettings(
    image_size=64, stages=("3b", "4e"), channels=(3, 3), strides=(8, 16), widths=(2, 2), cells=2, hidden=6
)
RED = [24.0, 8.0, 56.0, 40.0]


def trunk(images: Tensor) -> list[Tensor]:
    """A network whose maps are the image, smaller; like GoogLeNet it refuses what is under 32 pixels a side."""
    assert min(images.shape[2:]) >= 32
    return [F.avg_pool2d(images.float(), 8), F.avg_pool2d(images.float(), 16)]


def viewer() -> Viewer:
    return Viewer(trunk, lambda images: images / 255, SETTINGS.image_size, CPU)


def some_priors(count: int = 60) -> Tensor:
    random = torch.Generator().manual_seed(0)
    low = torch.rand(count, 2, generator=random) * 0.8
    return torch.cat([low, low + 0.05 + torch.rand(count, 2, generator=random) * 0.15], dim=1)


def random_multibox(top: int = 20) -> MultiBox:
    torch.manual_seed(0)
    head = MultiBoxHead(some_priors(), SETTINGS)
    torch.nn.init.normal_(head.output.weight, std=0.3)
    return MultiBox(viewer(), head, top=top, model="0123456789abcdef")


class KnowingHead(MultiBoxHead):
    """Sees one object, at RED in the pixels of the view, from every window; the nearest window is the surest."""

    def forward(self, reduced: View, windows: Tensor) -> Predictions:
        red = torch.tensor([RED]).expand(len(windows), 4)
        distance = (windows - red).abs().sum(dim=1)
        near = distance < 60
        return Predictions(encode(red, windows) * near[:, None], -distance)


def image(height: int = 48, width: int = 64) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def test_it_is_a_proposer() -> None:
    assert_is_proposer(random_multibox())


def test_its_settings_name_the_weights() -> None:
    assert random_multibox(7).settings == {
        "method": "multibox",
        "version": 1,
        "model": "0123456789abcdef",
        "top": 7,
    }


@pytest.mark.parametrize("factor", [1, 3])
def test_boxes_are_in_the_frame_of_the_image(factor: int) -> None:
    found = MultiBox(viewer(), KnowingHead(some_priors(), SETTINGS), top=5, model="")(image(48 * factor, 64 * factor))
    assert found.boxes[0].tolist() == [factor * side for side in RED]


def test_boxes_lie_apart_and_there_are_no_more_than_were_asked_for() -> None:
    found = random_multibox(top=12)(image())
    assert len(found) == 12
    overlaps = iou(found.boxes, found.boxes)
    assert (overlaps[~np.eye(12, dtype=bool)] <= SETTINGS.suppression + 1e-6).all()
    assert np.array_equal(found.boxes, random_multibox(top=30)(image()).boxes[:12])


def test_boxes_are_whole_pixels() -> None:
    boxes = random_multibox()(image(37, 91)).boxes
    assert np.array_equal(boxes, boxes.round())


def test_threads_may_ask_side_by_side() -> None:
    multibox = random_multibox()
    images = [np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8) for seed in range(8)]
    expected = [multibox(one).boxes for one in images]
    with ThreadPoolExecutor(4) as threads:
        for boxes, found in zip(expected, threads.map(multibox, images), strict=True):
            assert np.array_equal(boxes, found.boxes)


def test_a_head_without_priors_proposes_the_whole_image() -> None:
    head = MultiBoxHead(torch.zeros(0, 4), SETTINGS)
    assert MultiBox(viewer(), head, top=5, model="")(image(30, 40)).boxes.tolist() == [[0, 0, 40, 30]]


def test_at_least_one_box_is_asked_for() -> None:
    with pytest.raises(ValueError, match="top: MultiBox gives at least one box an image, got 0"):
        random_multibox(top=0)
