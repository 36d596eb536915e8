"""R-CNN with a GoogLeNet: photos in, detections out.

    from detection import load_detector
    found = load_detector().predict("photo.jpg", threshold=0.5)

What most programs need can be imported from here; it is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detection.build import load_detector as load_detector
    from detection.datasets.open import open_dataset as open_dataset
    from detection.images import decode_image as decode_image
    from detection.report.drawing import draw as draw
    from detection.structures import Detections as Detections
    from detection.structures import Proposals as Proposals
    from detection.structures import Target as Target

_HOMES = {
    "Detections": "detection.structures",
    "Proposals": "detection.structures",
    "Target": "detection.structures",
    "decode_image": "detection.images",
    "draw": "detection.report.drawing",
    "load_detector": "detection.build",
    "open_dataset": "detection.datasets.open",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
