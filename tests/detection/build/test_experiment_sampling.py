"""Fine-tuning on photos that are annotated in part, and on the background that is told worst."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from detection.build.experiment import Experiment
from detection.build.sources import Sources
from detection.config import Config
from tests.detection.build.test_experiment import KilledError, assert_same_tensors, kill_at
from tests.detection.rectangles import Rectangles, propose, rectangles, small_config, write_backbone

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("short_rankers")
PHOTOS = rectangles(6)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_backbone(tmp_path_factory.mktemp("weights") / "narrow.safetensors", normalisation="batch_norm")


def experiment(config: Config, folder: Path, photos: Rectangles = PHOTOS) -> Experiment:
    folder.mkdir(exist_ok=True)
    return Experiment(config, Sources(photos, None, propose), folder, CPU, lambda *_: None)


def first_line(folder: Path) -> dict:
    return json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])


def test_a_run_with_hard_negatives_that_was_killed_ends_as_if_it_had_not(tmp_path: Path, weights: Path) -> None:
    config = small_config(weights, training={"hard_negatives": 1.0, "accumulate": 2})
    whole = experiment(config, tmp_path / "whole").run()
    with pytest.raises(KilledError):
        experiment(config, tmp_path / "killed").run(on_progress=kill_at(2))
    assert_same_tensors(experiment(config, tmp_path / "killed").run(resume=True), whole)


def test_hard_negatives_are_those_with_the_larger_loss(tmp_path: Path, weights: Path) -> None:
    """At the first step, whose weights are the same: the more there is to choose from, the larger the loss."""
    losses = []
    for share in (0.0, 1.0, 8.0):
        training = {"steps": 1, "hard_negatives": share, "dropout": 0.0, "photometric": False, "batch_size": 64}
        folder = tmp_path / str(share)
        experiment(small_config(weights, training=training), folder).run()
        assert first_line(folder)["crops"] == 64
        losses.append(first_line(folder)["classification_loss"])
    assert losses == sorted(losses)
    assert len(set(losses)) == 3


def test_what_is_not_annotated_is_not_background(tmp_path: Path, weights: Path) -> None:
    """Blue is annotated in photo 0 alone: all background is from there, with regions chosen by a ranker or without."""
    red_only = tuple(replace(target[target.labels == 0], partial=True) for target in PHOTOS.targets[1:])
    photos = replace(PHOTOS, targets=(PHOTOS.targets[0], *red_only))
    for top in (None, 12):
        ranking = {"top": top, "pool": 30, "image_size": 64, "epochs": 1}
        one = experiment(small_config(weights, training={"steps": 1}, ranking=ranking), tmp_path / str(top), photos)
        tuning, _ = one._begin()
        sampler = tuning.loader.sampler
        seen = [(pick.image, sampler.pools[pick.image].labels.classes[pick.rows]) for pick in sampler.picks(0)]
        assert sum(len(classes) for _, classes in seen) == 16
        assert {image for image, classes in seen if (classes == 0).any()} == {0}
        assert sum((classes > 0).sum() for _, classes in seen) == 4
        one.run()
        assert first_line(tmp_path / str(top))["crops"] == 16
