"""What the members of an ensemble share: a region's crop, and the first layers where training has left them alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from detection.boxes import Boxes
from detection.heads.members import Member
from detection.regions.crops import crop_regions
from detection.structures import RGBImage


@dataclass(frozen=True, eq=False)
class Sharers:
    """Members that cut regions alike, by their numbers: each crop is made once, and stages that all share run once."""

    members: Mapping[int, Member]

    @property
    def first(self) -> Member:
        return next(iter(self.members.values()))

    @cached_property
    def stages(self) -> list[str]:
        """The stages that all share."""
        return shared_stages(list(self.members.values()))

    def feature_maps(self, image: RGBImage, regions: Boxes, device: torch.device) -> Iterator[tuple[int, Tensor]]:
        """Each member's number and its feature maps (N, C, S / 32, S / 32) of regions (N, 4)."""
        crops = crop_regions(image, regions, self.first.warp, device)
        if not self.stages:
            yield from ((number, member.feature_map(crops)) for number, member in self.members.items())
            return
        network = self.first.network.stages
        begun = network.forward_stages(self.first.pixels(crops), self.stages[0], self.stages[-1])
        for number, member in self.members.items():
            yield number, member.network.feature_map_after(self.stages[-1], begun).float()


def sharers_of(members: Sequence[Member]) -> list[Sharers]:
    """The members, numbered in their order, by how they cut regions."""
    by_warp: dict[object, dict[int, Member]] = {}
    for number, member in enumerate(members):
        by_warp.setdefault(member.warp, {})[number] = member
    return [Sharers(alike) for alike in by_warp.values()]


def shared_stages(members: Sequence[Member]) -> list[str]:
    """The first stages that are the same in all of several networks: in training they were frozen."""
    first, *others = members
    alike = {(member.preprocessing, member.network.stages.options) for member in members}
    shared: list[str] = []
    if not others or len(alike) > 1:
        return shared
    for name in first.network.stages.STAGES:
        stage, *same = (member.network.stages.stage(name).state_dict() for member in members)
        if not all(_equal(stage, other) for other in same):
            break
        shared.append(name)
    return shared


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
