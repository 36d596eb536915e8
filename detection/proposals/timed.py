"""How long proposals take to make."""

from __future__ import annotations

import time

from detection.proposals.base import JSON, Proposer
from detection.structures import Proposals, RGBImage


class Timed:
    """A proposer that remembers the seconds of each of its calls; a store that has the boxes makes none.

    ``seconds`` are wall-clock time, decoding left out, in the order in which the calls ended; threads may call side by
    side.
    """

    def __init__(self, proposer: Proposer) -> None:
        self.proposer = proposer
        self.seconds: list[float] = []

    @property
    def settings(self) -> dict[str, JSON]:
        return self.proposer.settings

    def __call__(self, image: RGBImage) -> Proposals:
        began = time.perf_counter()
        proposals = self.proposer(image)
        self.seconds.append(time.perf_counter() - began)
        return proposals
