"""Scorers on a network that is finished: fitted on photos of rectangles, which even a random network tells apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from detection.boxes import iou
from detection.build import refine
from detection.build.detector import build_detector, load_detector
from detection.build.model_file import DetectorModel, Scorers, read_detector, save_detector, write_calibration
from detection.build.refine import fit_scorers, model_to_refine, photos_to_refine_on
from detection.calibration import Calibration
from detection.config_file import change_config
from detection.structures import Proposals, Target
from detection.training.svm import HardNegatives
from tests.detection.build.models import model, write_model
from tests.detection.rectangles import CLASSES, Rectangles, propose, rectangles, small_config, windows, without_objects
from tests.detection.rectangles_voc import write_tree

CPU = torch.device("cpu")
PHOTOS = rectangles(16)
OTHERS = rectangles(6, seed=9)


def proposed(photos: Rectangles) -> dict[int, Proposals]:
    return dict(enumerate(propose(photos)))


def nothing(*_: object) -> None:
    pass


@pytest.fixture(scope="module")
def refined() -> DetectorModel:
    settings = {"svm_cost": 1.0, "ridge": 0.01, "ridge_overlap": 0.4, "context_cost": 1.0, "regions": 60}
    config = small_config(Path("x"), scoring=settings)
    return fit_scorers(model(config=config), PHOTOS, proposed(PHOTOS), CPU, nothing)


def with_detection(one: DetectorModel, *changes: str) -> DetectorModel:
    return replace(one, config=change_config(one.config, [f"detection.{change}" for change in changes]))


def test_svms_tell_the_classes_of_new_photos(refined: DetectorModel) -> None:
    scorer = build_detector([with_detection(refined, "scores=svm")], CPU).scorer
    right = []
    for image, target in zip(OTHERS.images, OTHERS.targets, strict=True):
        own = scorer(image, target.boxes).scores
        ground = scorer(image, np.array([[40, 0, 52, 12], [0, 0, 10, 10]], np.float32)).scores
        right.append(own.argmax(dim=1).tolist() == target.labels.tolist() and bool(own.max() > ground.max()))
    assert sum(right) >= 5


def test_ridge_boxes_lie_better_than_the_regions(refined: DetectorModel) -> None:
    scorer = build_detector([with_detection(refined, "box_regression=ridge")], CPU).scorer
    before, after = [], []
    for image, target in zip(OTHERS.images, OTHERS.targets, strict=True):
        for box, label in zip(target.boxes, target.labels, strict=True):
            regions = windows(image)
            near = regions[iou(regions, box[None])[:, 0] > 0.4]
            before.extend(iou(near, box[None])[:, 0])
            after.extend(iou(scorer(image, near).boxes[:, label].numpy(), box[None])[:, 0])
    assert len(before) > 20
    assert np.mean(after) > np.mean(before) + 0.1


def test_what_is_not_asked_for_is_not_used(refined: DetectorModel) -> None:
    image, regions = OTHERS.images[0], windows(OTHERS.images[0])
    plain = build_detector([model()], CPU).scorer(image, regions)
    assert torch.equal(build_detector([refined], CPU).scorer(image, regions).scores, plain.scores)
    without = build_detector([with_detection(refined, "box_regression=none")], CPU).scorer(image, regions)
    assert torch.equal(without.boxes, torch.from_numpy(regions)[:, None].expand(-1, 2, 4))
    assert torch.equal(without.scores, plain.scores)
    assert not torch.equal(plain.boxes, without.boxes)


def test_context_moves_scores_by_what_the_photo_says(refined: DetectorModel) -> None:
    """Half of these photos show no blue: the whole photo knows that."""
    photos = replace(PHOTOS, targets=tuple(target[: 1 + number % 2] for number, target in enumerate(PHOTOS.targets)))
    fitted = fit_scorers(refined, photos, proposed(photos), CPU, nothing)
    image, regions = OTHERS.images[0], windows(OTHERS.images[0])
    context = fitted.scorers.context
    assert context is not None
    context.linear.weight.data.zero_()
    context.linear.bias.data.copy_(torch.tensor([1.5, -1.0]))
    without = build_detector([fitted], CPU).scorer(image, regions).scores
    moved = build_detector([with_detection(fitted, "context=0.5")], CPU).scorer(image, regions).scores
    assert torch.allclose(torch.logit(moved) - torch.logit(without), torch.tensor([0.75, -0.5]), atol=1e-3)


def test_members_are_averaged_each_with_its_own_scorers(refined: DetectorModel) -> None:
    other = fit_scorers(replace(model(5), config=refined.config), PHOTOS, proposed(PHOTOS), CPU, nothing)
    chosen = [with_detection(one, "scores=svm", "context=1.0") for one in (refined, other)]
    image, regions = OTHERS.images[0], windows(OTHERS.images[0])
    each = [build_detector([one], CPU).scorer(image, regions).scores for one in chosen]
    assert torch.allclose(build_detector(chosen, CPU).scorer(image, regions).scores, sum(each) / 2, atol=1e-5)


def test_scorers_survive_their_file(refined: DetectorModel, tmp_path: Path) -> None:
    save_detector(tmp_path / "mine.safetensors", refined, torch.float32)
    read = read_detector(tmp_path / "mine.safetensors")
    for one, other in zip(refined.scorers.present().values(), read.scorers.present().values(), strict=True):
        assert one.state_dict().keys() == other.state_dict().keys()
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    assert read.provenance["scorers"]["photos"] == 16


def test_the_same_seed_fits_the_same(refined: DetectorModel) -> None:
    again = fit_scorers(refined, PHOTOS, proposed(PHOTOS), CPU, nothing).scorers
    assert again.svm is not None
    assert refined.scorers.svm is not None
    assert torch.allclose(again.svm.linear.weight, refined.scorers.svm.linear.weight, atol=1e-5)


@pytest.mark.parametrize("wanted", ["scores=svm", "box_regression=ridge", "context=0.5"])
def test_scorers_that_the_file_does_not_hold_are_asked_for_in_vain(wanted: str) -> None:
    with pytest.raises(ValueError, match=rf"detection\.{wanted} needs what tools/refine\.py fits"):
        build_detector([with_detection(model(), wanted)], CPU)


def test_a_class_that_no_photo_shows_is_told() -> None:
    photos = replace(PHOTOS, targets=tuple(target[:1] for target in PHOTOS.targets))
    with pytest.raises(ValueError, match=f"none of the 16 photos holds a {CLASSES[1]} that counts"):
        fit_scorers(model(), photos, proposed(photos), CPU, nothing)
    with pytest.raises(ValueError, match=f"holds a {CLASSES[0]} .* show one in --data, or train"):
        fit_scorers(model(), without_objects(PHOTOS), proposed(PHOTOS), CPU, nothing)


def test_photos_annotated_in_part_give_no_negatives(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(HardNegatives, "add", lambda self, negatives: given.append(len(negatives)))
    targets = tuple(replace(target, partial=number > 3) for number, target in enumerate(PHOTOS.targets))
    photos = replace(PHOTOS, targets=targets)
    fit_scorers(model(), photos, proposed(photos), CPU, nothing)
    assert min(given[:8]) > 0  # four photos, two classes
    assert sum(given[8:]) == 0


def test_what_lies_in_a_crowd_is_no_negative_of_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first photo is full of red ones: of all its regions none is a negative of red, and most are of blue."""
    given: list[int] = []
    monkeypatch.setattr(HardNegatives, "add", lambda self, negatives: given.append(len(negatives)))
    crowd = Target(np.array([[0, 0, 96, 72]], np.float32), np.array([0]), crowd=np.array([True]))
    photos = replace(PHOTOS, targets=(crowd, *PHOTOS.targets[1:]))
    fit_scorers(model(), photos, proposed(photos), CPU, nothing)
    red, blue = given[:2]
    assert red == 0 < blue


def test_photos_whose_objects_of_a_class_do_not_count_teach_no_context_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two photos show a difficult red one, two more no red at all: 14 say whether there is red, 16 of blue."""
    fitted: list[tuple[int, int]] = []

    def fit(features: np.ndarray, targets: np.ndarray, cost: float) -> tuple[np.ndarray, float]:
        fitted.append((len(features), int((targets > 0.5).sum())))
        return np.zeros(features.shape[1]), 0.0

    monkeypatch.setattr(refine, "fit_logistic", fit)
    hidden = [replace(target, difficult=np.array([True, False])) for target in PHOTOS.targets[:2]]
    none = [target[1:] for target in PHOTOS.targets[2:4]]
    photos = replace(PHOTOS, targets=(*hidden, *none, *PHOTOS.targets[4:]))
    fit_scorers(model(), photos, proposed(photos), CPU, nothing)
    assert fitted == [(14, 12), (16, 16)]


def test_photos_without_regions_or_objects_are_looked_at_too() -> None:
    empty = dict.fromkeys(range(len(PHOTOS)), Proposals(np.zeros((0, 4), np.float32)))
    photos = replace(PHOTOS, targets=(PHOTOS.targets[0][:0], *PHOTOS.targets[1:]))
    assert set(fit_scorers(model(), photos, empty, CPU, nothing).scorers.present()) == {"svm", "ridge", "context"}
    assert Scorers().present() == {}


def test_a_sample_of_the_photos_is_proposed_for_and_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled: list[Path] = []

    def fill(_: object, paths: list[Path], **__: object) -> list[Proposals]:
        filled.extend(paths)
        return [Proposals(windows(PHOTOS.images[0])) for _ in paths]

    monkeypatch.setattr(refine.ProposalStore, "fill", fill)
    tree = write_tree(tmp_path / "data", PHOTOS, {"train": PHOTOS.ids})
    config = small_config(Path("x"), data={"train_split": "train"}, scoring={"photos": 5})
    photos, proposals = photos_to_refine_on(model(config=config), str(tree), tmp_path, nothing)
    assert photos.ids == PHOTOS.ids
    assert len(proposals) == 5
    assert filled == [photos.path(index) for index in proposals]


def test_the_photos_are_those_that_the_model_was_trained_on(tmp_path: Path) -> None:
    ids = PHOTOS.ids
    tree = write_tree(tmp_path / "data", PHOTOS, {"whole": ids[:4], "rough": ids[4:7], "other": ids[7:9]})
    (tmp_path / "without.txt").write_text(f"{ids[1]}\n{ids[5]}\n")
    data = {"train_split": "whole+rough", "partial_split": "rough", "blacklist": str(tmp_path / "without.txt")}
    trained = model(config=small_config(Path("x"), data=data, proposals={"engine": "sliding-grid"}))

    def taken(address: str) -> list[tuple[str, bool]]:
        photos, proposals = photos_to_refine_on(trained, address, tmp_path / "store", nothing)
        return [(photos.ids[index], photos.target(index).partial) for index in proposals]

    assert taken(str(tree)) == [*((ids[n], False) for n in (0, 2, 3)), *((ids[n], True) for n in (4, 6))]
    assert taken(f"{tree}:rough") == [(ids[4], True), (ids[6], True)]
    assert taken(f"{tree}:other") == [(ids[7], False), (ids[8], False)]


def test_what_scores_are_worth_goes_with_the_way_they_are_made(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    write_calibration(path, Calibration(1.5))
    assert model_to_refine(str(path), ["scoring.ridge=5.0"]).calibration is not None
    assert model_to_refine(str(path), ["detection.scores=svm"]).calibration is None
    assert load_detector(path, device="cpu", detection={"floor": 0.5}).calibration is None
    assert load_detector(path, device="cpu").calibration is not None


def test_a_model_is_refined_as_asked_for(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    changed = model_to_refine(str(path), ["scoring.ridge=5.0", "detection.scores=svm"]).config
    assert (changed.scoring.ridge, changed.detection.scores) == (5.0, "svm")
    with pytest.raises(
        ValueError, match=r"--set training\.steps=3: of a finished model only scoring and detection can"
    ):
        model_to_refine(str(path), ["training.steps=3"])
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*nowhere"):
        photos_to_refine_on(model(), str(tmp_path / "nowhere"), tmp_path, nothing)
