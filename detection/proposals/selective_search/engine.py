"""The proposer: an image, as R-CNN resizes it, through every hierarchy of a mode, to ordered boxes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from detection.proposals.base import JSON
from detection.proposals.frame import from_frame, to_frame
from detection.proposals.selective_search.colour import channels_of, smooth
from detection.proposals.selective_search.grouping import group
from detection.proposals.selective_search.modes import MODES
from detection.proposals.selective_search.order import in_order
from detection.proposals.selective_search.regions import Extents, describe, merge
from detection.proposals.selective_search.segmentation import segment
from detection.structures import Proposals, RGBImage

VERSION = 1  # of the boxes: it changes whenever the same settings give other boxes


@dataclasses.dataclass(frozen=True)
class SelectiveSearch:
    """Selective search; a call gives the proposals of one image, and threads may call side by side.

    ``mode`` is one of ``MODES``. ``superpixel_scale`` multiplies ``k`` and ``min_size`` of its superpixels: 2 is the
    GoogLeNet paper's "superpixel size was increased by 2x" (section 8). Boxes are computed at ``width`` pixels
    (``None``: as the image is), and those under ``min_side`` wide or high there are dropped; where none is left the
    whole image is proposed. ``seed`` is that of the order.

    The same image and settings give the same bytes in every thread, process and run. Across machines they may differ by
    a few boxes: OpenCV's blur rounds differently where the processor or the build differs.
    """

    mode: str = "rcnn-fast"
    superpixel_scale: float = 1.0
    width: int | None = 500
    min_side: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"no mode {self.mode!r} of selective search; there are: {', '.join(MODES)}")
        if not 0 < self.superpixel_scale < float("inf"):
            raise ValueError(f"superpixel_scale must be above 0, got {self.superpixel_scale}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"width must be at least 1 pixel, or None for no resizing, got {self.width}")

    @property
    def settings(self) -> dict[str, JSON]:
        scale = float(self.superpixel_scale)  # 2 and 2.0 are one setting, in a store's key too
        return {"method": "selective-search", "version": VERSION, **dataclasses.asdict(self), "superpixel_scale": scale}

    def __call__(self, image: RGBImage) -> Proposals:
        """Proposals in the frame of ``image``; raises ``ValueError`` for what is no RGB image, or is too large."""
        frame = to_frame(image, self.width)
        boxes, scores = in_order(list(self._hierarchies(frame)), self.seed)
        return from_frame(boxes, scores, frame, image, self.min_side)

    def _hierarchies(self, frame: RGBImage) -> Iterator[Extents]:
        mode = MODES[self.mode]
        scales = [(k * self.superpixel_scale, round(size * self.superpixel_scale)) for k, size in mode.scales]
        for space in mode.colour_spaces:
            channels = channels_of(frame, space)
            superpixels = segment(smooth(channels, mode.sigma), scales)
            atoms = describe(channels, superpixels.atoms, superpixels.atom_count)
            for of_atom in superpixels.of_atom:
                regions = merge(atoms, of_atom, int(of_atom.max()) + 1)
                for strategy in mode.strategies:
                    yield group(regions, strategy, superpixels.atoms.size)
