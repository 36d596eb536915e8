"""A whole fine-tuning, from photos to a detector that finds things in them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from backbone.googlenet import GoogLeNet
from detection.build import rankers
from detection.build.detector import load_detector
from detection.build.experiment import Experiment
from detection.build.model_file import new_classifier, read_detector
from detection.build.sources import Sources
from detection.config import Config
from detection.proposals.ranking import RegionRanker
from detection.structures import Proposals
from detection.training.finetune import Progress
from tests.detection.rectangles import (
    CLASSES,
    Rectangles,
    narrow_network,
    propose,
    rectangles,
    small_config,
    windows,
    without_objects,
    write_backbone,
)

TRAIN, VALIDATION = rectangles(6), rectangles(3, seed=1)
CPU = torch.device("cpu")


class KilledError(Exception):
    """The machine goes off."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_backbone(tmp_path_factory.mktemp("weights") / "narrow.safetensors", normalisation="batch_norm")


def start(config: Config, folder: Path, validation: Rectangles | None = None, **settings) -> Path:
    folder.mkdir(exist_ok=True)
    sources = Sources(TRAIN, validation, propose)
    return Experiment(config, sources, folder, CPU, lambda *_: None).run(**settings)


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_tensors(one: Path, other: Path) -> None:
    tensors, others = load_file(one), load_file(other)
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, others[name]), name


def kill_at(step: int):
    def told(progress: Progress) -> None:
        if progress.step >= step:
            raise KilledError

    return told


def test_a_detector_is_trained_that_finds_the_objects(tmp_path: Path, weights: Path) -> None:
    training = {"steps": 60, "learning_rate": 0.05, "head_rate": 2.0, "average": 0.8, "validate_every": 20}
    config = small_config(weights, training={**training, "photometric": False})
    path = start(config, tmp_path)
    assert path == tmp_path / "last.safetensors"
    losses = [line["classification_loss"] for line in lines(tmp_path)]
    assert losses[-1] < 0.7 * losses[0], losses
    found = load_detector(path, device="cpu").predict(TRAIN.images[0], Proposals(windows(TRAIN.images[0])))
    assert set(found.labels.tolist()) == {0, 1}
    left = found.boxes[:, [0, 2]].mean(axis=1)
    best = {label: left[found.labels == label][0] for label in (0, 1)}
    assert best[0] < 48 < best[1]  # red is on the left, blue on the right
    model = read_detector(path)
    assert model.class_names == CLASSES
    assert model.config == config
    assert (model.provenance["steps"], model.provenance["photos"]) == (60, 6)
    assert not (tmp_path / "best.safetensors").exists()


def test_the_best_on_other_photos_is_kept_and_measured(tmp_path: Path, weights: Path) -> None:
    start(small_config(weights), tmp_path, VALIDATION)
    measured = [line for line in lines(tmp_path) if "validation_voc07" in line]
    assert [(line["step"], line["photos"]) for line in measured] == [(2, 3), (4, 3)]
    best = max(measured, key=lambda line: (line["validation_voc07"], line["step"]))
    assert read_detector(tmp_path / "best.safetensors").provenance["steps"] == best["step"]


def test_only_a_sample_of_the_validation_photos_is_used(tmp_path: Path, weights: Path) -> None:
    start(small_config(weights, training={"steps": 1, "validation_images": 2}), tmp_path, VALIDATION)
    assert lines(tmp_path)[-1]["photos"] == 2


@pytest.mark.parametrize("top", [None, 12], ids=["all regions", "selected regions"])
def test_a_run_that_was_killed_ends_as_if_it_had_not(tmp_path: Path, weights: Path, top: int | None) -> None:
    """Killed at step 4, after a validation at step 2 wrote the best model and the checkpoint."""
    config = small_config(weights, ranking={"top": top, "pool": 30, "image_size": 64, "epochs": 1})
    whole = start(config, tmp_path / "whole", VALIDATION)
    with pytest.raises(KilledError):
        start(config, tmp_path / "killed", VALIDATION, on_progress=kill_at(4))
    resumed = start(config, tmp_path / "killed", VALIDATION, resume=True)
    assert_same_tensors(resumed, whole)
    assert_same_tensors(tmp_path / "killed/best.safetensors", tmp_path / "whole/best.safetensors")
    steps = [line["step"] for line in lines(tmp_path / "killed")]
    assert steps == [line["step"] for line in lines(tmp_path / "whole")] == [2, 2, 4, 4]


def test_a_run_killed_between_its_last_two_steps_still_makes_both_models(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained, and the best model finished: the last one has no ranker yet."""
    config = small_config(weights, ranking={"top": 12, "pool": 30, "image_size": 64, "epochs": 1})
    whole = start(config, tmp_path / "whole", VALIDATION)
    fit = rankers.Rankers.fit

    def fit_or_die(self: rankers.Rankers, network: GoogLeNet, title: str) -> RegionRanker:
        if title == "ranker of the last model":
            raise KilledError
        return fit(self, network, title)

    with monkeypatch.context() as patch:
        patch.setattr(rankers.Rankers, "fit", fit_or_die)
        with pytest.raises(KilledError):
            start(config, tmp_path / "killed", VALIDATION)
    assert not (tmp_path / "killed/last.safetensors").exists()
    assert_same_tensors(start(config, tmp_path / "killed", VALIDATION, resume=True), whole)
    assert_same_tensors(tmp_path / "killed/best.safetensors", tmp_path / "whole/best.safetensors")
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        "best.safetensors",
        "checkpoint.pt",
        "last.safetensors",
        "metrics.jsonl",
        "regions.npz",
    ]


def test_every_model_has_a_ranker_of_its_own_weights(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, GoogLeNet] = {}
    fit = rankers.Rankers.fit

    def watched(self: rankers.Rankers, network: GoogLeNet, title: str) -> RegionRanker:
        seen[title] = network
        return fit(self, network, title)

    monkeypatch.setattr(rankers.Rankers, "fit", watched)
    ranking = {"top": 12, "pool": 30, "image_size": 64, "epochs": 1}
    start(small_config(weights, ranking=ranking), tmp_path, VALIDATION)
    assert list(seen) == ["validation ranker", "ranker of the best model", "ranker of the last model"]
    for name in ("best", "last"):
        model = read_detector(tmp_path / f"{name}.safetensors")
        assert model.ranker is not None
        for tensor, other in zip(
            model.network.state_dict().values(), seen[f"ranker of the {name} model"].state_dict().values(), strict=True
        ):
            assert torch.equal(tensor, other)


def test_resuming_before_the_first_checkpoint_begins_anew(tmp_path: Path, weights: Path) -> None:
    whole = start(small_config(weights), tmp_path / "whole")
    with pytest.raises(KilledError):
        start(small_config(weights), tmp_path / "killed", on_progress=kill_at(1))
    assert_same_tensors(start(small_config(weights), tmp_path / "killed", resume=True), whole)


def test_selected_regions_are_chosen_once_and_the_ranker_goes_with_the_model(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(
        weights, ranking={"top": 10, "pool": 30, "image_size": 64, "epochs": 1}, training={"steps": 1}
    )
    path = start(config, tmp_path)
    detector = load_detector(path, device="cpu")
    assert len(detector.select(TRAIN.images[0], Proposals(windows(TRAIN.images[0])))) == 10

    def never(*args: object) -> list:
        raise AssertionError("the regions of the first time are there")

    monkeypatch.setattr(rankers, "cross_selected", never)
    start(config, tmp_path, resume=True)
    other = small_config(weights, ranking={"top": 10, "pool": 20, "image_size": 64, "epochs": 1})
    with pytest.raises(AssertionError, match="of the first time"):
        start(other, tmp_path)


def test_the_overlap_of_an_object_is_that_of_the_config(tmp_path: Path, weights: Path) -> None:
    def positives(overlap: float) -> int:
        config = small_config(weights, training={"positive_overlap": overlap})
        one = Experiment(config, Sources(TRAIN, None, propose), tmp_path, CPU, lambda *_: None)
        tuning = one._tuning(
            new_classifier(narrow_network().options, len(CLASSES), config), [windows(image) for image in TRAIN.images]
        )
        return sum(int((pool.labels.classes > 0).sum()) for pool in tuning.loader.sampler.pools)

    assert positives(0.9) == 12  # the annotated boxes themselves
    assert positives(0.3) > positives(0.5) > 12


def test_validation_photos_must_have_objects(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(ValueError, match="none of the 3 validation photos holds an object that counts"):
        start(small_config(weights), tmp_path, without_objects(VALIDATION))
