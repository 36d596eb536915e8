"""A limit to the seconds that an image's proposals may take, and what stands in where it strikes."""

from __future__ import annotations

import dataclasses
import time
from typing import Protocol

from detection.proposals.base import JSON, Proposer
from detection.structures import Proposals, RGBImage


class Search(Proposer, Protocol):
    """A proposer that can be told when to give up."""

    def __call__(self, image: RGBImage, deadline: float | None = None) -> Proposals:
        """As a proposer; raises ``TimeoutError`` when ``time.monotonic()`` has passed ``deadline``."""
        ...


@dataclasses.dataclass(frozen=True)
class TimeLimited:
    """The boxes of ``search``, or those of ``fallback`` for an image that takes longer than ``seconds``.

    Boxes made in time are the same as without a limit, so the settings are those of ``search`` and a store's entries
    serve with a limit and without. A fallback's boxes depend on how fast the machine is: they carry the fallback's
    name (``Proposals.fallback``), no store keeps them, and the image is searched anew the next time.
    """

    search: Search
    seconds: float
    fallback: Proposer

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ValueError(f"a time limit must be above 0 seconds, got {self.seconds}")

    @property
    def settings(self) -> dict[str, JSON]:
        return self.search.settings

    def __call__(self, image: RGBImage) -> Proposals:
        """Proposals in the frame of ``image``; raises ``ValueError`` as ``search`` does."""
        try:
            return self.search(image, time.monotonic() + self.seconds)
        except TimeoutError:
            return dataclasses.replace(self.fallback(image), fallback=str(self.fallback.settings["method"]))
