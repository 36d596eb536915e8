"""GoogLeNet (arXiv 1409.4842, Table 1), its weights, and classification with it; knows nothing of detection.

    from backbone import load_backbone
    network, preprocessing, class_names = load_backbone("bvlc_googlenet")

What most programs need can be imported from here; it is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backbone.classification.averaging import CropClassifier as CropClassifier
    from backbone.googlenet import GoogLeNet as GoogLeNet
    from backbone.googlenet import GoogLeNetOptions as GoogLeNetOptions
    from backbone.inference import prepare_for_inference as prepare_for_inference
    from backbone.preprocessing import Preprocessing as Preprocessing
    from backbone.weights import Backbone as Backbone
    from backbone.weights import load_backbone as load_backbone
    from backbone.weights import save_classifier as save_classifier

_HOMES = {
    "Backbone": "backbone.weights",
    "CropClassifier": "backbone.classification.averaging",
    "GoogLeNet": "backbone.googlenet",
    "GoogLeNetOptions": "backbone.googlenet",
    "Preprocessing": "backbone.preprocessing",
    "load_backbone": "backbone.weights",
    "prepare_for_inference": "backbone.inference",
    "save_classifier": "backbone.weights",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
