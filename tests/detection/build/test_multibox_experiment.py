"""A whole training of a MultiBox, from photos to proposals that lie on the objects."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from detection.boxes import iou
from detection.build.multibox import load_multibox, read_multibox
from detection.build.multibox_experiment import MultiBoxExperiment, refuse_unknown
from detection.build.sources import Sources
from detection.config import Config
from detection.config_file import ConfigError, read_config
from detection.training.distributed import Processes
from detection.training.multibox import MultiBoxProgress
from tests.detection.rectangles import Rectangles, propose, rectangles, small_multibox_config, write_backbone

TRAIN, VALIDATION = rectangles(3), rectangles(2, seed=1)
CPU = torch.device("cpu")


class KilledError(Exception):
    """The machine goes off."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_backbone(tmp_path_factory.mktemp("weights") / "narrow.safetensors", normalisation="batch_norm")


def config_of(weights: Path, **training: object) -> Config:
    multibox = {"priors": 30, "image_size": 96, "negatives": 16}
    return small_multibox_config(weights, multibox, {"steps": 4, "checkpoint_every": 2, **training})


def start(config: Config, folder: Path, validation: Rectangles | None = None, **settings) -> Path:
    folder.mkdir(exist_ok=True)
    sources = Sources(TRAIN, validation, propose)
    return MultiBoxExperiment(config, sources, folder, CPU, lambda *_: None).run(**settings)


def test_a_multibox_is_trained_that_finds_the_objects(tmp_path: Path, weights: Path) -> None:
    config = config_of(weights, steps=100, average=0.8, learning_rate=0.02)
    path = start(config, tmp_path, VALIDATION)
    assert path == tmp_path / "last.safetensors"
    multibox = load_multibox(path, top=10, device=CPU)
    pairs = zip(TRAIN.images, TRAIN.targets, strict=True)
    best = np.stack([iou(multibox(image).boxes, target.boxes).max(axis=0) for image, target in pairs])
    assert best.mean() > 0.6
    measured = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert (measured["step"], measured["photos"]) == (100, 2)
    assert list(measured["recall_0.5"]) == ["10", "50", "100", "200"]
    assert 0 <= measured["recall_0.7"]["200"] <= measured["recall_0.5"]["200"] <= 1
    provenance = read_multibox(path).provenance
    assert (provenance["steps"], provenance["photos_seen"], provenance["photos"]) == (100, 200, 3)
    assert str(weights.parent) not in str(provenance)


def test_a_run_that_was_killed_ends_as_if_it_had_not(tmp_path: Path, weights: Path) -> None:
    config = config_of(weights)

    def kill(progress: MultiBoxProgress) -> None:
        raise KilledError

    whole = start(config, tmp_path / "whole")
    with pytest.raises(KilledError):  # at step 4, after the checkpoint of step 2
        start(config, tmp_path / "killed", on_progress=kill)
    assert not (tmp_path / "killed/last.safetensors").exists()
    resumed = load_file(start(config, tmp_path / "killed", resume=True))
    for name, tensor in load_file(whole).items():
        assert torch.equal(tensor, resumed[name]), name
    assert len((tmp_path / "killed/metrics.jsonl").read_text().splitlines()) == 1


def test_resuming_before_the_first_checkpoint_begins_anew(tmp_path: Path, weights: Path) -> None:
    assert start(config_of(weights), tmp_path, resume=True).exists()


@pytest.mark.parametrize(
    "setting",
    [
        "training.patience=3",
        "training.momentum=0.5",
        "training.precision=fp16",
        "training.head_rate=2",
        "training.layer_decay=0.5",
        "training.hard_negatives=1",
        "training.positives=0.5",
        "training.small_crops=160",
        "training.validate_every=10",
        "regions.context=36",
        "ranking.top=200",
        "detection.scores=svm",
        "scoring.photos=10",
        "backbone.frozen=stem",
        "proposals.superpixel_scale=2",
    ],
)
def test_settings_of_a_detector_are_refused(request: pytest.FixtureRequest, tmp_path: Path, setting: str) -> None:
    config = read_config(request.config.rootpath / "configs/multibox_voc5.yaml", [setting])
    key = setting.partition("=")[0].replace(".", r"\.")
    with pytest.raises(ValueError, match=f"^{key}: the training of a MultiBox does not know it"):
        start(config, tmp_path)


def test_a_step_must_have_a_photo_for_every_process(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(ValueError, match=r"the 2 photos of a step are too few for 3 processes"):
        MultiBoxExperiment(
            config_of(weights), Sources(TRAIN, None, propose), tmp_path, CPU, lambda *_: None, Processes(0, 3)
        )


def test_the_section_of_a_config(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("multibox:\n  priors: 150\n")
    config = read_config(file, ["multibox.suppression=0.5"])
    assert config.multibox is not None
    assert (config.multibox.priors, config.multibox.suppression) == (150, 0.5)
    file.write_text("training:\n  steps: 5\n")
    assert read_config(file).multibox is None
    with pytest.raises(ConfigError, match="multibox has no key 'prior'; did you mean 'priors'"):
        read_config(file, ["multibox.prior=3"])


def test_the_config_of_the_bundled_one(request: pytest.FixtureRequest) -> None:
    config = read_config(request.config.rootpath / "configs/multibox_voc5.yaml")
    assert config.multibox is not None
    assert config.training.box_loss == 0.3
    refuse_unknown(config)
