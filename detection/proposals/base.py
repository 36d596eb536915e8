"""What a source of region proposals is to the rest of the project."""

from __future__ import annotations

from typing import Protocol

from detection.structures import Proposals, RGBImage

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]


class Proposer(Protocol):
    """Class-agnostic boxes of an image, the most promising first; the same image always gives the same boxes."""

    def __call__(self, image: RGBImage) -> Proposals:
        """Boxes in the frame of ``image``; safe to call from several threads at once."""
        ...

    @property
    def settings(self) -> dict[str, JSON]:
        """All that makes the boxes what they are, beginning with ``method`` and ``version``.

        They are part of a store's keys and of a model file: boxes made with other settings are other boxes.
        """
        ...
