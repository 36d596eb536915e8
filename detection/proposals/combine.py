"""Proposals of several proposers as one list.

"We combine the Selective Search approach with MultiBox predictions for higher object bounding box recall" (GoogLeNet
paper, section 8). In which order the two stand it does not say.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torchvision.ops import nms

from detection.boxes import Boxes
from detection.proposals.base import JSON, Proposer
from detection.structures import Proposals, RGBImage

VERSION = 1  # of the order and of what is dropped; the parts have versions of their own


@dataclasses.dataclass(frozen=True)
class Union:
    """Every part's best box, then every part's second, and so on; a box that was there already is dropped.

    Scores are minus that rank: those of the parts cannot be compared (a rank in a hierarchy, a confidence). So a part
    of few boxes, such as MultiBox's 200, stands among the first, whatever budget cuts the list. With ``overlap`` a box
    that covers one before it by more than so much (IoU) is dropped too.
    """

    parts: tuple[Proposer, ...]
    overlap: float | None = None

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError(f"a union has two parts or more, got {len(self.parts)}")
        if self.overlap is not None and not 0 <= self.overlap <= 1:
            raise ValueError(f"overlap must lie in [0, 1], got {self.overlap}")

    @property
    def settings(self) -> dict[str, JSON]:
        parts: list[JSON] = [part.settings for part in self.parts]
        method = "+".join(str(part.settings["method"]) for part in self.parts)
        return {"method": method, "version": VERSION, "overlap": self.overlap, "parts": parts}

    def __call__(self, image: RGBImage) -> Proposals:
        """Proposals in the frame of ``image``; raises what a part raises."""
        found = [part(image) for part in self.parts]
        boxes = np.concatenate([one.boxes for one in found])
        ranks = np.concatenate([np.arange(len(one)) for one in found])
        order = np.argsort(ranks, kind="stable")  # of equal rank, the earlier part's first
        order = order[_first_occurrences(boxes[order])]
        if self.overlap is not None:
            order = order[_apart(boxes[order], self.overlap)]
        fallback = next((one.fallback for one in found if one.fallback is not None), None)
        return Proposals(boxes[order], -ranks[order].astype(np.float32), fallback)


def _first_occurrences(boxes: Boxes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.sort(np.unique(boxes, axis=0, return_index=True)[1])


def _apart(boxes: Boxes, overlap: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The rows of boxes that cover none before them by more than ``overlap``."""
    falling = -torch.arange(len(boxes), dtype=torch.float64)
    kept: np.ndarray[tuple[int], np.dtype[np.int64]] = nms(torch.from_numpy(boxes).double(), falling, overlap).numpy()
    return kept
