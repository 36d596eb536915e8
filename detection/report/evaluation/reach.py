"""Which regions were proposed in the judged photos: whether a missed object could have been found at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from detection.evaluation.tables import Floats
from detection.proposals.store import SETTINGS, one_method, stored
from detection.report.question import Question


class MissingProposalsError(ValueError):
    """A store lacks the proposals of some photos; ``folder`` is that of the way they are made in."""

    def __init__(self, folder: Path, missing: list[Path], photos: int) -> None:
        super().__init__(f"{folder}: has no proposals of {len(missing)} of {photos} photos, such as {missing[0]}")
        self.folder = folder

    def options(self) -> dict[str, object] | None:
        """What ``tools/propose.py`` is to be told besides the photos; ``None`` where settings.json alone knows."""
        try:
            settings = json.loads((self.folder / SETTINGS).read_bytes())
            if settings["method"] != "selective-search":
                return None
            how = {"--mode": settings["mode"], "--superpixel-scale": settings["superpixel_scale"]}
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return {**how, "--store": self.folder.parent}


def stored_proposals(store: Path, question: Question) -> dict[int, Floats]:
    """The boxes (R, 4) of each image that has objects, by its place among the images of the question.

    ``store`` is a proposals store of which one method has all of these images, or the folder of a method. Raises
    ``FileNotFoundError`` where it or a photo is not there, ``ValueError`` where several methods have them, or none of
    several, and :class:`MissingProposalsError`.
    """
    places = [place for place, target in enumerate(question.targets) if len(target)]
    photos = [question.dataset.path(question.images[place]) for place in places]
    folder = one_method(store, photos)
    boxes: dict[int, Floats] = {}
    missing = []
    for place, photo in zip(places, photos, strict=True):
        found = stored(folder, photo)
        if found is None:
            missing.append(photo)
        else:
            boxes[place] = np.asarray(found.boxes, np.float64)
    if missing:
        raise MissingProposalsError(folder, missing, len(places))
    return boxes
