"""The networks of a detector on the same regions, and the mean of what they say."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import torch

from detection.boxes import Boxes
from detection.heads.members import Member, whole
from detection.heads.scoring import RawScores, ScoredRegions, Scoring, averaged
from detection.heads.sharing import sharers_of
from detection.regions.crops import crop_regions
from detection.structures import RGBImage

logger = logging.getLogger(__name__)


class RegionScorer:
    """The mean of the members' scores, and of their boxes, on the *same* regions (paper, section 8)."""

    def __init__(
        self,
        members: Sequence[Member],
        device: torch.device,
        batch_size: int = 64,
        scoring: Scoring | None = None,
    ) -> None:
        if len({member.network.heads.num_classes for member in members}) != 1:
            raise ValueError("the members of an ensemble must know the same classes")
        self.members = list(members)
        self.device = device
        self.batch_size = batch_size
        self.scoring = scoring or Scoring()
        self.sharers = sharers_of(self.members)

    def __call__(self, image: RGBImage, boxes: Boxes) -> ScoredRegions:
        """The scores of every region (R, 4) of an image, in the order given."""
        return averaged([self.scoring(raw, boxes) for raw in self.raw(image, boxes)])

    @torch.inference_mode()
    def raw(self, image: RGBImage, boxes: Boxes) -> list[RawScores]:
        """All that each member says of the regions (R, 4) of an image, in the order given."""
        looked = self._look_at_all(
            image, boxes if len(boxes) else whole(image)
        )  # the photo stands in: shapes are known
        each = [RawScores._make(None if column is None else column[: len(boxes)] for column in raw) for raw in looked]
        if all(member.context is None for member in self.members):
            return each
        for alike in self.sharers:
            photo = crop_regions(image, whole(image), alike.first.warp, self.device)
            for number, member in alike.members.items():
                each[number] = each[number]._replace(evidence=member.evidence(photo))
        return each

    def _look_at_all(self, image: RGBImage, boxes: Boxes) -> list[RawScores]:
        """What each member says, batch by batch; where a batch is too much for the device's memory, half as many."""
        while True:
            try:
                batches = [self._look(image, rows) for rows in self._batches(boxes)]
                return [_joined(of_member) for of_member in zip(*batches, strict=True)]
            except torch.OutOfMemoryError:
                if self.batch_size == 1:
                    raise
                self.batch_size //= 2
                logger.warning("the device's memory is full: from here on %d crops at once", self.batch_size)

    def _look(self, image: RGBImage, rows: Boxes) -> list[RawScores]:
        regions = torch.from_numpy(rows).to(self.device)
        said: dict[int, RawScores] = {}
        for alike in self.sharers:
            for number, maps in alike.feature_maps(image, rows, self.device):
                said[number] = self.members[number].look(maps, regions)
        return [said[number] for number in range(len(self.members))]

    def _batches(self, boxes: Boxes) -> Iterator[Boxes]:
        yield from (boxes[start : start + self.batch_size] for start in range(0, len(boxes), self.batch_size))


def _joined(parts: Sequence[RawScores]) -> RawScores:
    """The batches of one member as one."""
    columns = zip(*parts, strict=True)
    return RawScores._make(None if column[0] is None else torch.cat(column) for column in columns)
