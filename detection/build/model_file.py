"""A detector on disk: one safetensors file with everything that is needed to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.model_file import change_header, read_model_file, read_model_header, save_model_file
from backbone.preprocessing import Preprocessing
from backbone.strict import load_strict
from detection.calibration import Calibration
from detection.config import Config
from detection.config_file import change_config, stored_config
from detection.heads.bbox_regression import RidgeBoxes
from detection.heads.context import PhotoContext
from detection.heads.region_classifier import RegionClassifier, RegionHeads
from detection.heads.svm import SvmScorer
from detection.inference.models import bundled_models, model_files
from detection.proposals.base import JSON
from detection.proposals.ranking import RankingSettings, RegionRanker

KIND = "detector"
CLASSIFIER_SUFFIXES = (".caffemodel", ".pth", ".pt")  # as others publish weights
CLASSIFIER, RANKER = "classifier", "ranker"  # of a file's tensor names
SCORERS = {"svm": SvmScorer, "ridge": RidgeBoxes, "context": PhotoContext}  # likewise


@dataclass(frozen=True)
class Scorers:
    """What tools/refine.py fitted on a network's features; the config's section ``detection`` says what is used."""

    svm: SvmScorer | None = None
    ridge: RidgeBoxes | None = None
    context: PhotoContext | None = None

    def present(self) -> dict[str, nn.Module]:
        """Those that there are, by name."""
        return {name: part for name in SCORERS if (part := getattr(self, name)) is not None}


@dataclass(frozen=True)
class DetectorModel:
    """The trained parts of a detector and what they were trained with; what a model file holds."""

    class_names: tuple[str, ...]
    classifier: RegionClassifier
    ranker: RegionRanker | None
    preprocessing: Preprocessing
    proposals: dict[str, JSON]
    config: Config
    provenance: dict[str, Any]
    calibration: Calibration | None = None
    scorers: Scorers = Scorers()

    @property
    def network(self) -> GoogLeNet:
        """The classifier's backbone."""
        assert isinstance(self.classifier.backbone, GoogLeNet)
        return self.classifier.backbone


def new_classifier(options: GoogLeNetOptions, class_count: int, config: Config) -> RegionClassifier:
    """A GoogLeNet without its own linear layer, under the heads that a config asks for."""
    network = GoogLeNet(replace(options, num_classes=0, auxiliary=False)).eval()
    heads = RegionHeads(
        class_count,
        network.feature_width,
        box_regression=config.training.box_regression,
        dropout=config.training.dropout,
        cells=map_of(network, "5b", config.regions.size).cells,
    )
    return RegionClassifier(network, heads, config.backbone.frozen)


def classifier_on(network: GoogLeNet, class_count: int, config: Config) -> RegionClassifier:
    """A new classifier of regions with the convolutions of a classifier of images; other parts of that stay behind."""
    classifier = new_classifier(network.options, class_count, config)
    tensors = network.state_dict()
    classifier.backbone.load_state_dict({name: tensors[name] for name in classifier.backbone.state_dict()})
    return classifier


class StageMap(NamedTuple):
    """The map that a stage of a network gives: how many channels, cells a side, and pixels from cell to cell."""

    channels: int
    cells: int
    stride: int


def map_of(network: GoogLeNet, stage: str, size: int) -> StageMap:
    """The map of a stage for an input of ``size`` x ``size`` pixels, found by running the network (in eval mode)."""
    like = next(network.parameters())
    with torch.inference_mode():
        feature_map = network.forward_stages(like.new_zeros(1, 3, size, size), last=stage)
    channels, cells = feature_map.shape[1:3]
    return StageMap(channels, cells, size // cells)


def save_detector(path: Path, model: DetectorModel, dtype: torch.dtype = torch.float16, *, int8: bool = False) -> None:
    """Write a detector; ``dtype`` is what its weights are stored in, but for convolutions in ``int8``: a byte each."""
    header = {
        "kind": KIND,
        "class_names": list(model.class_names),
        "architecture": {"name": "googlenet", "options": model.network.options.to_dict()},
        "preprocessing": model.preprocessing.to_dict(),
        "proposals": model.proposals,
        "ranking": None if model.ranker is None else asdict(model.ranker.settings),
        "scorers": list(model.scorers.present()),
        "config": model.config.model_dump(mode="json"),
        "provenance": model.provenance,
        "calibration": None if model.calibration is None else model.calibration.to_dict(),
    }
    parts = nn.ModuleDict({CLASSIFIER: model.classifier, **model.scorers.present()})
    if model.ranker is not None:
        parts[RANKER] = model.ranker
    tensors = parts.state_dict()
    backbone = f"{CLASSIFIER}.backbone."
    kernels = [name for name, tensor in tensors.items() if name.startswith(backbone) and tensor.ndim == 4]
    save_model_file(path, tensors, header, dtype, kernels if int8 else ())


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Put a calibration into a detector's file, instead of the one there was; its weights stay as they are."""
    change_header(path, {"calibration": calibration.to_dict()})


def read_detector(path: Path) -> DetectorModel:
    """Read what :func:`save_detector` wrote; its weights become float32.

    Raises ``FileNotFoundError``, and ``ValueError`` for a classifier, a foreign or a damaged file.
    """
    if path.suffix in CLASSIFIER_SUFFIXES and path.is_file():
        raise ValueError(
            f"{path}: weights of a classifier, not a detector; "
            "tools/finetune.py makes a detector of them (--set backbone.weights=FILE)"
        )
    tensors, header = read_model_file(path, kind=KIND)
    try:
        names = tuple(map(str, header["class_names"]))
        config = stored_config(header["config"], path)
        options = GoogLeNetOptions.from_dict(header["architecture"]["options"])
        preprocessing = Preprocessing.from_dict(header["preprocessing"])
        ranking, proposals = header["ranking"], dict(header["proposals"])
        settings = None if ranking is None else RankingSettings(**_used(ranking))
        fitted = header.get("calibration")  # files from before there was any have none
        calibration = None if fitted is None else Calibration(**fitted)
        kinds = {name: SCORERS[name] for name in header.get("scorers", [])}  # likewise
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: a header that this version does not understand: {error}") from error
    classifier = new_classifier(options, len(names), config)
    parts = nn.ModuleDict({CLASSIFIER: classifier})
    if settings is not None:
        parts[RANKER] = RegionRanker(len(names), settings)
    parts.update({name: kind(len(names), classifier.heads.linear.in_features) for name, kind in kinds.items()})
    load_strict(parts, {name: tensor.float() for name, tensor in tensors.items()}, path)
    ranker = parts[RANKER] if settings is not None else None
    scorers: dict[str, Any] = {name: parts[name].eval() for name in kinds}
    assert ranker is None or isinstance(ranker, RegionRanker)
    return DetectorModel(
        names,
        classifier.eval(),
        ranker,
        preprocessing,
        proposals,
        config,
        header.get("provenance", {}),
        calibration,
        Scorers(**scorers),
    )


def _used(ranking: Mapping[str, Any]) -> dict[str, Any]:
    """Without ``top``, which older files name and nothing ever read."""
    return {key: value for key, value in ranking.items() if key != "top"}


def with_settings(model: DetectorModel, overrides: Sequence[str], option: str = "") -> DetectorModel:
    """The model with ``section.key=value`` changes of its config, as :func:`detection.config_file.change_config`.

    A calibration says what scores are worth that were made in one way: it goes with any change in ``detection``.
    """
    config = change_config(model.config, overrides, option=option)
    same = config.detection == model.config.detection
    return replace(model, config=config, calibration=model.calibration if same else None)


def bundled_of(kind: str) -> list[str]:
    """The names of the bundled models whose files are of a kind."""
    return [name for name in bundled_models() if read_model_header(model_files(name)[0])["kind"] == kind]


def check_members(models: Sequence[DetectorModel], files: Sequence[Path]) -> None:
    """Refuse an ensemble whose members do not know the same classes or were not trained on the same regions."""
    first = models[0]
    for model, file in zip(models[1:], files[1:], strict=True):
        if model.class_names != first.class_names:
            raise ValueError(
                f"{file} knows {', '.join(model.class_names)}; {files[0]} knows {', '.join(first.class_names)}: "
                "the members of an ensemble must know the same classes in the same order"
            )
        if model.proposals != first.proposals:
            raise ValueError(f"{file} was trained with other proposals than {files[0]}: not one ensemble")
