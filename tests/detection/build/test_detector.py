"""From model files to detectors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from backbone.preprocessing import Preprocessing
from detection.build.detector import border_colour, build_detector, load_detector, ready
from detection.build.model_file import write_calibration
from detection.calibration import Calibration
from detection.config_file import ConfigError
from detection.inference import models
from detection.proposals.fixed import SlidingGrid
from detection.proposals.time_limit import TimeLimited
from detection.structures import Detections, Proposals
from tests.contracts import assert_is_detections
from tests.detection.build.models import model, write_model
from tests.detection.rectangles import CLASSES, CONTEXT, PREPROCESSING, SIZE, rectangles, small_config, windows

IMAGE = rectangles(1).images[0]
REGIONS = Proposals(windows(IMAGE))
CPU = torch.device("cpu")


def test_a_model_file_becomes_a_detector(tmp_path: Path) -> None:
    detector = load_detector(write_model(tmp_path / "mine.safetensors"), device=CPU)
    assert detector.class_names == CLASSES
    (member,) = detector.scorer.members
    assert (member.warp.size, member.warp.context) == (SIZE, CONTEXT)
    found = detector.predict(IMAGE, REGIONS)
    assert_is_detections(found, IMAGE, classes=len(CLASSES))
    assert len(found) > 0


def test_two_files_are_an_ensemble_whose_scores_are_the_mean(tmp_path: Path) -> None:
    files = [write_model(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    each = [load_detector([file], device="cpu").scorer(IMAGE, REGIONS.boxes) for file in files]
    both = load_detector(files, device="cpu").scorer(IMAGE, REGIONS.boxes)
    assert (each[0].scores - each[1].scores).abs().max() > 0.05
    assert torch.allclose(both.scores, (each[0].scores + each[1].scores) / 2, atol=1e-6)
    assert torch.allclose(both.boxes, (each[0].boxes + each[1].boxes) / 2, atol=1e-3)


def test_no_models_are_not_the_bundled_one() -> None:
    with pytest.raises(ValueError, match="models: an empty list; leave it out for the bundled detector"):
        load_detector([], device="cpu")


def test_a_model_with_a_ranker_scores_what_it_chooses(tmp_path: Path) -> None:
    config = small_config(Path("narrow.safetensors"), ranking={"top": 9})
    path = write_model(tmp_path / "mine.safetensors", ranker=True, config=config)
    chosen = load_detector(path, device="cpu").select(IMAGE, REGIONS)
    assert len(chosen) == 9
    assert (np.diff(chosen.scores) <= 0).all()
    assert len(load_detector(path, device="cpu", top=4).select(IMAGE, REGIONS)) == 4


def test_without_a_ranker_top_takes_the_first(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    assert np.array_equal(load_detector(path, device="cpu", top=4).select(IMAGE, REGIONS).boxes, REGIONS.boxes[:4])
    assert len(load_detector(path, device="cpu").select(IMAGE, REGIONS)) == len(REGIONS)


def test_other_proposals_than_the_model_s_are_refused_unless_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    own = load_detector(path, device="cpu").proposer
    grid = ["engine=sliding-grid"]
    with pytest.raises(
        ValueError, match=r"trained with other proposals \(method: 'selective-search' there, 'sliding-gri"
    ):
        load_detector(path, device="cpu", proposals=grid)
    other = load_detector(path, device="cpu", proposals=grid, allow_other_proposals=True)
    assert other.proposer == SlidingGrid()
    assert "expect less than was measured" in caplog.text
    limited = load_detector(path, device="cpu", proposals=["time_limit=5.0"])
    assert limited.proposer == TimeLimited(own, 5.0, SlidingGrid())


def test_a_key_of_proposals_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    with pytest.raises(ConfigError, match=r"proposals has no key 'time_limt'; did you mean 'time_limit'\?"):
        load_detector(path, device="cpu", proposals=["time_limt=5"])
    with pytest.raises(ConfigError, match=r"proposals\.time_limit: input should be greater than 0, got 0"):
        load_detector(path, device="cpu", proposals={"time_limit": 0})


def test_scoring_and_suppression_can_be_changed(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    detector = load_detector(path, device="cpu", detection={"box_regression": "none", "voting": 0.6})
    assert detector.suppression.voting == 0.6
    _, boxes = detector.scorer(IMAGE, REGIONS.boxes)
    assert torch.equal(boxes[:, 0], torch.from_numpy(REGIONS.boxes))
    with pytest.raises(ConfigError, match=r"detection has no key 'votes'"):
        load_detector(path, device="cpu", detection=["votes=3"])
    with pytest.raises(ConfigError, match=r"detection\.scores: input should be 'softmax' or 'svm', got 'bayes'"):
        load_detector(path, device="cpu", detection={"scores": "bayes"})


def test_the_quick_form_gives_the_numbers_and_leaves_the_model_alone() -> None:
    classifier = model().classifier.train()
    quick = ready(classifier, CPU)
    crops = torch.rand(3, 3, SIZE, SIZE)
    dtype = next(quick.backbone.parameters()).dtype
    with torch.inference_mode():
        assert torch.allclose(quick(crops.to(dtype)).logits, classifier.eval()(crops).logits, atol=0.1)
    classifier.train()
    ready(classifier, CPU)
    assert classifier.heads.training
    assert all(parameter.requires_grad for parameter in classifier.parameters())


def test_suppression_is_that_of_the_config() -> None:
    wanted = {"per_image": 3, "floor": 0.2, "voting": 0.6, "support": True, "cover_penalty": 0.1}
    config = small_config(Path("x"), detection={"suppression": 0.7, **wanted})
    detector = build_detector([model(config=config)], CPU)
    assert vars(detector.suppression) == {"overlap": 0.7, **wanted}
    assert len(detector.predict(IMAGE, REGIONS)) == 3


def test_the_border_is_the_mean_as_rgb() -> None:
    assert border_colour(PREPROCESSING) == (123, 117, 104)
    assert border_colour(Preprocessing("rgb", mean=(1, 2, 3))) == (1, 2, 3)


def test_a_model_that_was_trained_on_other_proposals_is_refused() -> None:
    first = model()
    other = replace(first, proposals={**first.proposals, "width": 300})
    with pytest.raises(ValueError, match=r"was trained with other proposals \(width: 300 there, 500 here"):
        build_detector([other], CPU)


def test_a_name_that_is_neither_a_file_nor_bundled_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"no model file nothing, and no bundled model of that name \(bundled: voc5(, [\w-]+)*\)",
    ):
        load_detector("nothing")
    with pytest.raises(FileNotFoundError, match="no model file"):
        load_detector(tmp_path)


@pytest.mark.parametrize("top", [0, -3])
def test_at_least_one_region_is_scored(tmp_path: Path, top: int) -> None:
    with pytest.raises(ValueError, match=f"top: at least one region of a photo must be scored, got {top}"):
        load_detector(write_model(tmp_path / "mine.safetensors"), top=top)


def test_a_name_may_stand_for_an_ensemble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [write_model(tmp_path / f"mine-{seed}.safetensors", seed) for seed in (1, 2, 3)]
    (tmp_path / "mine-ensemble.txt").write_text("".join(f"{file.name}\n" for file in files))
    monkeypatch.setattr(models, "_bundled_folder", lambda: tmp_path)
    named, listed = (load_detector(name, device="cpu") for name in ("mine-ensemble", files))
    assert len(named.scorer.members) == 3
    assert torch.equal(named.scorer(IMAGE, REGIONS.boxes).scores, listed.scorer(IMAGE, REGIONS.boxes).scores)


CALIBRATION = Calibration(2.0, 0.0, {"best-f1": {"red": 0.6, "blue": None}}, models=2)


def test_a_calibration_is_used_for_as_many_models_as_it_was_fitted_on(tmp_path: Path) -> None:
    files = [write_model(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    raw = load_detector(files, device="cpu").predict(IMAGE, REGIONS)
    write_calibration(files[0], CALIBRATION)
    detector = load_detector(files, device="cpu")
    found = detector.predict(IMAGE, REGIONS)
    assert detector.calibration == CALIBRATION
    assert (found.boxes == raw.boxes).all()
    odds = np.sqrt(raw.scores / (1 - raw.scores))
    assert found.scores == pytest.approx(odds / (1 + odds), abs=1e-6)
    assert load_detector(files[0], device="cpu").calibration is None
    assert load_detector(files[::-1], device="cpu").calibration is None
    assert load_detector(files, device="cpu", detection="suppression=0.5").calibration is None


def test_detections_that_count(tmp_path: Path) -> None:
    files = [write_model(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    write_calibration(files[0], CALIBRATION)
    detector = load_detector(files, device="cpu")
    scores = np.array([0.7, 0.5, 0.9])
    found = Detections(np.tile([0, 0, 5, 5], (3, 1)), scores, np.array([0, 0, 1]))
    assert detector.confident(found).scores.tolist() == pytest.approx([0.7])
    assert detector.confident(found, 0.5).scores.tolist() == pytest.approx([0.7, 0.5, 0.9])
    assert len(detector.confident(found[:0])) == 0
    plain = load_detector(files[1], device="cpu")
    assert plain.confident(found).scores.tolist() == pytest.approx([0.7, 0.5, 0.9])
