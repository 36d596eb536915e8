"""Fine-tuning that starts from a detector."""

import logging
from pathlib import Path

import pytest
import torch

from detection.build.experiment import Experiment
from detection.build.model_file import read_detector
from detection.build.sources import Sources
from detection.build.warm_start import compare_classes, keep_known, load_start
from detection.heads.region_classifier import RegionHeads
from tests.detection.build.models import write_model
from tests.detection.rectangles import CELLS, CLASSES, narrow_network, propose, rectangles, small_config, write_backbone

DOG = "n02084071"


@pytest.mark.parametrize(
    ("wanted", "loaded", "new", "dropped", "rows"),
    [
        ("abc", "abc", "", "", ((0, 0), (1, 1), (2, 2))),
        ("cab", "cab", "", "", ((2, 0), (0, 1), (1, 2))),
        ("b", "b", "", "ac", ((1, 0),)),
        ("xbay", "ba", "xy", "c", ((1, 1), (0, 2))),
        ("xyz", "", "xyz", "abc", ()),
    ],
    ids=["the same", "another order", "a part", "more and fewer", "none"],
)
def test_the_table_goes_by_names(
    wanted: str, loaded: str, new: str, dropped: str, rows: tuple[tuple[int, int], ...]
) -> None:
    table = compare_classes(tuple("abc"), tuple(wanted))
    assert (table.loaded, table.new, table.dropped) == (tuple(loaded), tuple(new), tuple(dropped))
    assert table.rows == rows


def test_a_wordnet_id_is_its_english_name() -> None:
    table = compare_classes(("cat", "dog"), (DOG, "n01751748"))
    assert (table.loaded, table.new, table.dropped) == ((DOG,), ("n01751748",), ("cat",))
    assert table.rows == ((1, 0),)


@pytest.mark.parametrize(
    ("known", "wanted", "alike"),
    [
        ("person", "Person", True),
        ("traffic light", "traffic_light", True),
        ("motorbike", "motorbikes", True),
        ("aeroplane", "airplane", True),
        ("dog", "Dog ", True),
        ("cat", "car", False),
        ("bus", "train", False),
    ],
)
def test_names_that_may_be_the_same_are_told(known: str, wanted: str, alike: bool) -> None:
    table = compare_classes(("sheep", known), (wanted, "cow"))
    assert not table.loaded
    assert table.alike == (((wanted, known),) if alike else ())


def test_a_class_that_is_loaded_is_like_no_other() -> None:
    assert compare_classes(("person",), ("person", "Person")).alike == ()


def heads(count: int, *, box_regression: bool = True, cells: int = CELLS, seed: int = 0) -> RegionHeads:
    torch.manual_seed(seed)
    return RegionHeads(count, 12, box_regression=box_regression, cells=cells)


def test_rows_of_shared_classes_are_kept_and_others_stay_new() -> None:
    """Of three known classes the last becomes the first, and the first the fourth."""
    start, made, before = heads(3, seed=1), heads(4), heads(4)
    assert keep_known(made, start, ((2, 0), (0, 3)))
    for name in ("weight", "bias"):
        ours, theirs, new = (getattr(one.linear, name) for one in (made, start, before))
        assert torch.equal(ours[[0, 1, 4]], theirs[[0, 3, 1]])  # row 0 is the background
        assert torch.equal(ours[[2, 3]], new[[2, 3]])
    features = torch.rand(2, 12, CELLS, CELLS)
    ours, theirs = (one.eval()(features) for one in (made, start))
    assert torch.allclose(ours.logits[:, [0, 1, 4]], theirs.logits[:, [0, 3, 1]])
    assert torch.allclose(ours.offsets[:, [0, 3]], theirs.offsets[:, [2, 0]])


def test_without_a_shared_class_the_background_is_kept() -> None:
    start, made, before = heads(3, seed=1), heads(2), heads(2)
    assert keep_known(made, start, ())
    assert torch.equal(made.linear.weight[0], start.linear.weight[0])
    assert torch.equal(made.linear.weight[1:], before.linear.weight[1:])


@pytest.mark.parametrize("other", [{"box_regression": False}, {"cells": CELLS + 1}])
def test_box_regression_that_does_not_fit_stays_new(other: dict) -> None:
    made, before = heads(2), heads(2)
    assert not keep_known(made, heads(2, seed=1, **other), ((0, 0), (1, 1)))
    assert torch.equal(made.box_regressor.linear.weight, before.box_regressor.linear.weight)
    assert not keep_known(heads(2, seed=1, **other), heads(2), ((0, 0), (1, 1)))


def test_a_file_of_a_classifier_is_no_detector(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_backbone(tmp_path / "classifier.safetensors")
    start = load_start(str(path))
    assert start.backbone.class_names is not None
    made, before = heads(2), heads(2)
    with caplog.at_level(logging.INFO):
        start.tell(CLASSES)
    start.teach(made, CLASSES)
    assert torch.equal(made.linear.weight, before.linear.weight)
    assert caplog.text == ""
    with pytest.raises(FileNotFoundError, match="no published weights of that name"):
        load_start("nothing")


def test_the_bundled_detector_is_known_by_its_name() -> None:
    assert load_start("voc5").class_names == ("bus", "car", "cat", "person", "train")


def test_a_detector_that_starts_from_one_has_its_weights(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The classes in another order, and nothing learnt: the rate is as good as zero."""
    path = write_model(tmp_path / "old.safetensors", config=small_config(Path("narrow.safetensors")))
    old = read_detector(path)
    photos = rectangles(2)
    turned = type(photos)(photos.images, photos.targets, ("blue", "Red"), photos.folder)
    config = small_config(path, training={"steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0, "average": 0.0})
    (tmp_path / "run").mkdir()
    with caplog.at_level(logging.INFO):
        experiment = Experiment(
            config, Sources(turned, None, propose), tmp_path / "run", torch.device("cpu"), lambda *_: None
        )
    assert "starting from the detector old.safetensors" in caplog.text
    lines = [" ".join(record.getMessage().split()) for record in caplog.records]
    assert lines[1:4] == ["loaded 1 blue", "new 1 Red", "dropped 1 red"]
    assert lines[4] == "class 'Red' is new; the model knows 'red': if they are the same, give them one name"
    new = read_detector(experiment.run())
    assert new.class_names == ("blue", "Red")
    ours, theirs = new.classifier.state_dict(), old.classifier.state_dict()
    for name, tensor in ours.items():
        if name.startswith("backbone.") and tensor.is_floating_point():
            assert torch.allclose(tensor, theirs[name], atol=2e-3), name
    assert torch.allclose(ours["heads.linear.bias"][:2], theirs["heads.linear.bias"][[0, 2]], atol=2e-3)
    assert not torch.allclose(ours["heads.linear.bias"][2], theirs["heads.linear.bias"][1], atol=2e-3)
    assert narrow_network().options.width == new.network.options.width


def test_box_regression_of_another_size_of_crops_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    start = load_start(str(write_model(tmp_path / "old.safetensors")))
    made = RegionHeads(2, start.heads.linear.in_features, cells=CELLS + 1)
    with caplog.at_level(logging.INFO):
        start.teach(made, CLASSES)
    assert "old.safetensors regresses no boxes, or those of crops of another size: box regression is new" in caplog.text


def test_what_no_class_is_is_not_listed(caplog: pytest.LogCaptureFixture) -> None:
    start = load_start("voc5")
    with caplog.at_level(logging.INFO):
        start.tell(start.class_names)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["starting", "loaded"]
