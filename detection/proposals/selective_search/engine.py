"""The proposer: an image, as R-CNN resizes it, through every hierarchy of a mode, to ordered boxes."""

from __future__ import annotations

import dataclasses
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

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


class OutOfTimeError(TimeoutError):
    """The deadline of a call has passed, and there are no boxes."""


@dataclasses.dataclass(frozen=True)
class SelectiveSearch:
    """Selective search; a call gives the proposals of one image, and threads may call side by side.

    ``mode`` is one of ``MODES``. ``superpixel_scale`` multiplies ``k`` and ``min_size`` of its superpixels: 2 is the
    GoogLeNet paper's "superpixel size was increased by 2x" (section 8). Boxes are computed at ``width`` pixels
    (``None``: as the image is), and those under ``min_side`` wide or high there are dropped; where none is left the
    whole image is proposed. ``seed`` is that of the order.

    The same image and settings give the same bytes in every thread, process and run, and on every machine. ``threads``
    is how many colour spaces are gone through at a time: more answer a single call sooner, and one is best where many
    calls run side by side. It takes part neither in the boxes nor in the settings.
    """

    mode: str = "rcnn-fast"
    superpixel_scale: float = 1.0
    width: int | None = 500
    min_side: int = 20
    seed: int = 0
    threads: int = dataclasses.field(default=1, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"no mode {self.mode!r} of selective search; there are: {', '.join(MODES)}")
        if not 0 < self.superpixel_scale < float("inf"):
            raise ValueError(f"superpixel_scale must be above 0, got {self.superpixel_scale}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"width must be at least 1 pixel, or None for no resizing, got {self.width}")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")

    @property
    def settings(self) -> dict[str, JSON]:
        settings = dataclasses.asdict(self) | {"superpixel_scale": float(self.superpixel_scale)}  # 2 and 2.0 are one
        del settings["threads"]
        return {"method": "selective-search", "version": VERSION, **settings}

    def __call__(self, image: RGBImage, deadline: float | None = None) -> Proposals:
        """Proposals in the frame of ``image``; raises ``ValueError`` for what is no RGB image, or is too large.

        ``deadline`` is a time of ``time.monotonic()``: once it has passed, the next stage raises ``OutOfTimeError``.
        """
        frame = to_frame(image, self.width)
        spaces = MODES[self.mode].colour_spaces
        if self.threads == 1:
            hierarchies = [self._hierarchies(frame, space, deadline) for space in spaces]
        else:
            with ThreadPoolExecutor(self.threads) as threads:
                hierarchies = list(threads.map(lambda space: self._hierarchies(frame, space, deadline), spaces))
        boxes, scores = in_order(list(itertools.chain.from_iterable(hierarchies)), self.seed)
        return from_frame(boxes, scores, frame, image, self.min_side)

    def _hierarchies(self, frame: RGBImage, space: str, deadline: float | None) -> list[Extents]:
        """The hierarchies of one colour space: for each scale, one of each strategy."""
        mode = MODES[self.mode]
        scales = [(k * self.superpixel_scale, round(size * self.superpixel_scale)) for k, size in mode.scales]
        in_time(deadline, f"segmentation in {space}")
        channels = channels_of(frame, space)
        superpixels = segment(smooth(channels, mode.sigma), scales)
        in_time(deadline, f"the features of {superpixels.atom_count} regions in {space}")
        atoms = describe(channels, superpixels.atoms, superpixels.atom_count)
        hierarchies = []
        for of_atom in superpixels.of_atom:
            regions = merge(atoms, of_atom, int(of_atom.max()) + 1)
            for strategy in mode.strategies:
                in_time(deadline, f"grouping {len(regions.sizes)} regions by {strategy} in {space}")
                hierarchies.append(group(regions, strategy, superpixels.atoms.size))
        return hierarchies


def in_time(deadline: float | None, stage: str) -> None:
    """Raises ``OutOfTimeError`` where a deadline has passed before a stage."""
    if deadline is not None and time.monotonic() > deadline:
        raise OutOfTimeError(f"selective search ran out of time before {stage}")
