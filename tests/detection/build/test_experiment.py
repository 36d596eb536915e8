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
from detection.build.validation import Judge
from detection.config import Config
from detection.proposals.ranking import RegionRanker
from detection.structures import Proposals
from detection.training import finetune
from detection.training.distributed import Processes
from detection.training.finetune import Finetuning, Progress
from detection.training.learner import NonFiniteLossError
from tests.detection.rectangles import (
    CLASSES,
    CONTEXT,
    SIZE,
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
pytestmark = pytest.mark.usefixtures("short_rankers")


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


def untimed(folder: Path) -> list[dict]:
    return [{**line, "crops_per_second": None} for line in lines(folder)]


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
    assert model.config == config.public()
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
    assert untimed(tmp_path / "killed") == untimed(tmp_path / "whole")
    assert [line["step"] for line in lines(tmp_path / "whole")] == [2, 2, 4, 4]


@pytest.mark.parametrize("after", ["nothing", "the best model", "the line of metrics"])
def test_a_validation_that_was_killed_is_made_again(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """Killed in the validation at step 2, or when its model or its line is written and its checkpoint is not."""
    config = small_config(weights)
    whole = start(config, tmp_path / "whole", VALIDATION)

    def kill(*args: object) -> float:
        raise KilledError

    place = {
        "nothing": (Judge, "__call__"),
        "the best model": (Finetuning, "log"),
        "the line of metrics": (Finetuning, "save"),
    }[after]
    original = getattr(*place)

    def kill_in_validation(self: object, *args: object) -> object:
        validating = isinstance(self, Judge) or "validation_voc07" in (args or [lines(self.folder)[-1]])[0]
        return kill() if validating else original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(*place, kill_in_validation)
        with pytest.raises(KilledError):
            start(config, tmp_path / "killed", VALIDATION)
    assert_same_tensors(start(config, tmp_path / "killed", VALIDATION, resume=True), whole)
    assert_same_tensors(tmp_path / "killed/best.safetensors", tmp_path / "whole/best.safetensors")
    assert untimed(tmp_path / "killed") == untimed(tmp_path / "whole")


def test_validations_without_gain_end_the_run_and_a_resumed_one_as_well(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.3, 0.5, 0.4, 0.5, 0.9])
    monkeypatch.setattr(Judge, "__call__", lambda *_: next(scores))
    config = small_config(weights, training={"steps": 20, "validate_every": 2, "patience": 2})
    path = start(config, tmp_path, VALIDATION)
    assert read_detector(path).provenance["steps"] == 8
    assert read_detector(tmp_path / "best.safetensors").provenance["steps"] == 8
    before = path.read_bytes()
    start(config, tmp_path, VALIDATION, resume=True)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match=r"training\.patience counts validations: .*data\.validation_split"):
        start(config, tmp_path / "other")


@pytest.mark.parametrize("detection", [{"scores": "svm"}, {"box_regression": "ridge"}, {"context": 0.5}], ids=str)
def test_what_is_fitted_on_a_finished_network_is_refused_before_training(
    tmp_path: Path, weights: Path, detection: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"needs what tools/refine\.py fits on a finished network"):
        start(small_config(weights, detection=detection), tmp_path)


def test_boxes_that_are_not_moved_judge_no_region(tmp_path: Path, weights: Path) -> None:
    config = small_config(weights, training={"box_regression": False}, detection={"localisation_confidence": 0.25})
    with pytest.raises(ValueError, match=r"training\.box_regression=false none is: set it to 0"):
        start(config, tmp_path)


def test_a_loss_that_is_no_number_leaves_the_last_good_model(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(weights)
    losses = finetune.region_losses

    def spoilt(*args: object) -> object:
        spoilt.calls += 1
        found = losses(*args)
        return found._replace(boxes=found.boxes / 0) if spoilt.calls == 4 else found

    spoilt.calls = 0
    monkeypatch.setattr(finetune, "region_losses", spoilt)
    folder = tmp_path / "spoilt"
    with pytest.raises(NonFiniteLossError) as caught:
        start(config, folder, VALIDATION)
    assert f"{folder / 'not_finite.0.pt'}; the last good model is {folder / 'rescued.safetensors'}" in str(caught.value)
    assert not (folder / "last.safetensors").exists()  # it would pass for the model of a whole training
    model = read_detector(folder / "rescued.safetensors")
    assert model.provenance["steps"] == 3
    assert all(torch.isfinite(weight).all() for weight in model.classifier.parameters())
    assert read_detector(folder / "best.safetensors").provenance["steps"] == 2
    kept = torch.load(folder / "not_finite.0.pt", weights_only=True)
    assert set(kept["images"]) <= set(TRAIN.ids)
    assert len(kept["images"]) == len(kept["crops"]) == 16


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
    assert untimed(tmp_path / "killed") == untimed(tmp_path / "whole")
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        "best.safetensors",
        "checkpoint.pt",
        "last.safetensors",
        "metrics.jsonl",
        "regions.npz",
        "trace.jsonl",
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


def test_crops_are_small_at_first(tmp_path: Path, weights: Path) -> None:
    """The same view in fewer pixels; the box regressor takes both."""
    config = small_config(weights, training={"small_crops": SIZE // 2, "small_share": 0.5})
    one = Experiment(config, Sources(TRAIN, None, propose), tmp_path, CPU, lambda *_: None)
    warps = [one._warp_at(step) for step in range(4)]
    assert [(warp.size, warp.context) for warp in warps] == [(SIZE // 2, CONTEXT // 2)] * 2 + [(SIZE, CONTEXT)] * 2
    assert one.run().exists()
    assert lines(tmp_path)[-1]["box_loss"] > 0


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


def never(*_: object) -> list[Proposals]:
    raise AssertionError("proposals take hours")


def test_validation_photos_must_have_objects(tmp_path: Path, weights: Path) -> None:
    sources = Sources(TRAIN, without_objects(VALIDATION), never)
    with pytest.raises(ValueError, match="none of the 3 validation photos holds an object that counts"):
        Experiment(small_config(weights), sources, tmp_path, CPU, lambda *_: None).run()


def test_a_step_must_have_a_photo_for_every_process(tmp_path: Path, weights: Path) -> None:
    sources = Sources(TRAIN, VALIDATION, never)
    with pytest.raises(ValueError, match=r"the 4 photos of a step are too few for 5 processes: start fewer, or raise"):
        Experiment(small_config(weights), sources, tmp_path, CPU, lambda *_: None, Processes(0, 5))
