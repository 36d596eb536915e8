"""MultiBox at work: an image -> the boxes that most likely hold an object."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import nms

from detection.proposals.base import JSON
from detection.proposals.multibox.head import MultiBoxHead, View, decode
from detection.proposals.ranking import resize_longest
from detection.structures import Proposals, RGBImage

VERSION = 1  # of the boxes: it changes whenever the same model gives other boxes
SMALLEST = 32  # pixels a side that a network takes; a strip is padded to it

Trunk = Callable[[Tensor], Sequence[Tensor]]  # images (1, 3, H, W) -> the maps of the head's stages


class Viewer:
    """An image -> what the head sees of it: the image is resized, and the trunk makes its maps."""

    def __init__(
        self, trunk: Trunk, normalise: Callable[[Tensor], Tensor], image_size: int, device: torch.device
    ) -> None:
        self.trunk = trunk
        self.normalise = normalise
        self.image_size = image_size
        self.device = device

    @torch.no_grad()
    def __call__(self, image: RGBImage) -> View:
        """The view of an image; its maps are float32."""
        small, _ = resize_longest(image, self.image_size)
        height, width = small.shape[:2]
        pixels = self.normalise(torch.from_numpy(small).to(self.device).permute(2, 0, 1)[None])
        padded = F.pad(pixels, (0, max(0, SMALLEST - width), 0, max(0, SMALLEST - height)))
        return View(tuple(map_.float() for map_ in self.trunk(padded)), width, height)


class MultiBox:
    """MultiBox's proposals: at most ``top`` boxes, the most confident first.

    ``model`` says which weights these are (a hash of the model file); it is part of the settings. Boxes are rounded to
    whole pixels before the last suppression. The same image gives the same boxes in every thread and run on one
    machine; where sums round differently, on another processor or with another PyTorch, a few differ.
    """

    def __init__(self, viewer: Viewer, head: MultiBoxHead, *, top: int, model: str) -> None:
        if top < 1:
            raise ValueError(f"top: MultiBox gives at least one box an image, got {top}")
        self.viewer = viewer
        self.head = head.to(viewer.device).eval()
        self.top = top
        self.model = model

    @property
    def settings(self) -> dict[str, JSON]:
        return {"method": "multibox", "version": VERSION, "model": self.model, "top": self.top}

    @torch.inference_mode()
    def __call__(self, image: RGBImage) -> Proposals:
        """Proposals in the frame of ``image``; scores are confidences in [0, 1]."""
        reduced = self.head.reduce(self.viewer(image))
        windows = self.head.second_windows(reduced)
        offsets, logits = self.head(reduced, windows)
        height, width = image.shape[:2]
        frame = windows.new_tensor([width, height, width, height])
        scale = frame / windows.new_tensor([reduced.width, reduced.height] * 2)
        boxes = torch.minimum((decode(offsets, windows) * scale).round().clamp(min=0), frame)
        inside = torch.nonzero((boxes[:, 2:] > boxes[:, :2]).all(dim=1)).flatten()
        if not len(inside):  # nothing but boxes thinner than a pixel: the image is tiny, or the network untrained
            return Proposals(frame[None].cpu().numpy() * [[0, 0, 1, 1]])
        keep = inside[nms(boxes[inside], logits[inside], self.head.settings.suppression)[: self.top]]
        return Proposals(boxes[keep].cpu().numpy(), logits[keep].sigmoid().cpu().numpy())
