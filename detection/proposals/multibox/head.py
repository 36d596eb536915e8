"""The head of MultiBox: what a network sees in and around a window -> a better box, and whether it is an object.

The paper's last layer predicts all boxes from one vector of the whole image (arXiv 1312.2249), which takes many images
to learn. Here one small network looks at every prior through the same window (Fast R-CNN's RoI pooling), so that an
object teaches it for all places and sizes at once; then it looks once more, at the best of the boxes that it found.
Maps of two strides are looked at: small objects vanish in the coarser one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.ops import nms

from detection.proposals.pooling import pool_around

OFFSET_SCALE = 0.2  # spread of a corner's offset, as a share of the window's side: what is predicted is near 1
FIRST_LOGIT = -4.0  # an untrained head takes 2% of the windows for objects, and few are


@dataclass(frozen=True)
class MultiBoxSettings:
    """``image_size``: longest side of the image looked at, in pixels; ``stages``, ``channels``, ``strides``: where its
    maps are taken, and ``widths``: channels to which each is reduced; ``cells``: pooling grid a side; ``surroundings``:
    the pooled window against the box; ``hidden``: units of the head; ``candidates`` boxes that overlap one another by
    at most ``apart`` are looked at again; ``suppression``: of the final boxes, one that covers a better one by more
    than this IoU is dropped.
    """

    image_size: int = 576
    stages: tuple[str, ...] = ("3b", "4e")
    channels: tuple[int, ...] = (480, 832)
    strides: tuple[int, ...] = (8, 16)
    widths: tuple[int, ...] = (32, 64)
    cells: int = 5
    surroundings: float = 1.5
    hidden: int = 256
    candidates: int = 400
    apart: float = 0.85
    suppression: float = 0.75


class View(NamedTuple):
    """``maps`` (1, C, h, w), one a stage, of an image that was resized to ``width`` x ``height`` pixels."""

    maps: tuple[Tensor, ...]
    width: int
    height: int


class Predictions(NamedTuple):
    """``offsets`` (R, 4) of the corners of R windows, see :func:`decode`, and ``logits`` (R,) of their confidences."""

    offsets: Tensor
    logits: Tensor


class MultiBoxHead(nn.Module):
    """A reduced view and windows (R, 4) in its pixels -> :class:`Predictions`.

    ``priors`` (P, 4) are the windows of the first look, corners in [0, 1].
    """

    def __init__(self, priors: Tensor, settings: MultiBoxSettings = MultiBoxSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.priors: Tensor
        self.register_buffer("priors", priors)
        sizes = zip(settings.channels, settings.widths, strict=True)
        self.reductions = nn.ModuleList(nn.Conv2d(channels, width, kernel_size=1) for channels, width in sizes)
        self.hidden = nn.Linear(sum(settings.widths) * settings.cells**2 + 4, settings.hidden)
        self.output = nn.Linear(settings.hidden, 5)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        nn.init.constant_(self.output.bias[4:], FIRST_LOGIT)

    def reduce(self, view: View) -> View:
        """The view with fewer channels, which any number of windows share."""
        maps = (torch.relu(one(map_)) for one, map_ in zip(self.reductions, view.maps, strict=True))
        return view._replace(maps=tuple(maps))

    def forward(self, reduced: View, windows: Tensor) -> Predictions:
        settings = self.settings
        seen = [
            pool_around(map_, windows, settings.surroundings, settings.cells, stride)
            for map_, stride in zip(reduced.maps, settings.strides, strict=True)
        ]  # (R, width * cells^2) a stage
        place = windows / _frame(reduced, windows)  # where in the image the window lies, and so how large it is
        predicted: Tensor = self.output(torch.relu(self.hidden(torch.cat([*seen, place], dim=1))))  # (R, 5)
        return Predictions(predicted[:, :4], predicted[:, 4])

    def first_windows(self, view: View) -> Tensor:
        """The priors (P, 4) in the pixels of a view."""
        return self.priors * _frame(view, self.priors)

    @torch.no_grad()
    def second_windows(self, reduced: View) -> Tensor:
        """The best boxes (R, 4) of the first look: what the second one looks at."""
        windows = self.first_windows(reduced)
        offsets, logits = self(reduced, windows)
        boxes = torch.minimum(decode(offsets, windows).clamp(min=0), _frame(reduced, windows))
        inside = torch.nonzero((boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1)).flatten()
        best = nms(boxes[inside], logits[inside], self.settings.apart)
        return boxes[inside[best[: self.settings.candidates]]]


def encode(boxes: Tensor, windows: Tensor) -> Tensor:
    """The offsets (R, 4) that move the corners of ``windows`` onto those of ``boxes``, in sides of the window."""
    return (boxes - windows) / _sides(windows)


def decode(offsets: Tensor, windows: Tensor) -> Tensor:
    """Boxes (R, 4) from offsets and windows; the inverse of :func:`encode`."""
    return windows + offsets * _sides(windows)


def _sides(windows: Tensor) -> Tensor:
    side = (windows[:, 2:] - windows[:, :2]).clamp(min=1e-3)
    return torch.cat([side, side], dim=1) * OFFSET_SCALE


def _frame(view: View, like: Tensor) -> Tensor:
    return like.new_tensor([view.width, view.height, view.width, view.height])
