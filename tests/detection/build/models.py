"""Detectors in memory and on disk that need no training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from detection.build.model_file import DetectorModel, new_classifier, save_detector
from detection.build.proposers import build_proposer
from detection.config import Config
from detection.proposals.ranking import RankingSettings, RegionRanker
from tests.detection.rectangles import CLASSES, PREPROCESSING, narrow_network, small_config

RANKING = RankingSettings(image_size=64, channels=narrow_network().inceptions["4e"].out_channels, width=4, hidden=6)


def model(seed: int = 0, *, ranker: bool = False, config: Config | None = None, **changes: object) -> DetectorModel:
    """A detector of random weights that says something."""
    config = config or small_config(Path("narrow.safetensors"))
    options = narrow_network().options
    torch.manual_seed(seed)
    classifier = new_classifier(options, len(CLASSES), config).eval()
    for parameter in classifier.heads.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return replace(
        DetectorModel(
            CLASSES,
            classifier,
            RegionRanker(len(CLASSES), RANKING).eval() if ranker else None,
            PREPROCESSING,
            build_proposer(config.proposals).settings,
            config,
            {"steps": 7},
        ),
        **changes,
    )


def write_model(path: Path, *args: object, **kwargs: object) -> Path:
    save_detector(path, model(*args, **kwargs), torch.float32)  # type: ignore[arg-type]
    return path
