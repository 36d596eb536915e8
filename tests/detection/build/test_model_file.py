"""A detector on disk: what is written is read, what is not a detector is refused in words."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from backbone.model_file import read_model_file, save_model_file
from detection.build.model_file import (
    DetectorModel,
    check_members,
    map_of,
    new_classifier,
    read_detector,
    save_detector,
    write_calibration,
)
from detection.calibration import Calibration
from detection.config import Config
from detection.images import decode_image
from detection.inference.models import model_file
from detection.regions.crops import crop_regions
from detection.regions.warp import Warp
from tests.detection.build.models import model, write_model
from tests.detection.rectangles import CELLS, SIZE, narrow_network, small_config, write_backbone

CROPS = torch.linspace(-1, 1, 2 * 3 * SIZE * SIZE).view(2, 3, SIZE, SIZE)


@pytest.mark.parametrize("ranker", [False, True])
def test_a_detector_survives_its_file(tmp_path: Path, *, ranker: bool) -> None:
    written = model(ranker=ranker)
    save_detector(tmp_path / "mine.safetensors", written, torch.float32)
    read = read_detector(tmp_path / "mine.safetensors")
    assert (read.class_names, read.preprocessing, read.proposals, read.config, read.provenance) == (
        written.class_names,
        written.preprocessing,
        written.proposals,
        written.config,
        written.provenance,
    )
    assert not read.classifier.training
    assert torch.equal(read.classifier(CROPS).logits, written.classifier(CROPS).logits)
    assert torch.equal(read.classifier(CROPS).offsets, written.classifier(CROPS).offsets)
    assert (read.ranker is not None) == ranker
    if ranker:
        assert read.ranker.settings == written.ranker.settings
        for one, other in zip(read.ranker.parameters(), written.ranker.parameters(), strict=True):
            assert torch.equal(one, other)


def test_half_precision_on_disk_becomes_single_again(tmp_path: Path) -> None:
    written = model()
    save_detector(tmp_path / "mine.safetensors", written)
    tensors, _ = read_model_file(tmp_path / "mine.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    read = read_detector(tmp_path / "mine.safetensors")
    assert {parameter.dtype for parameter in read.classifier.parameters()} == {torch.float32}
    assert torch.allclose(read.classifier(CROPS).logits, written.classifier(CROPS).logits, atol=0.02)


@pytest.mark.parametrize("int8", [False, True])
def test_a_network_with_batch_norm_survives_half_precision(tmp_path: Path, *, int8: bool) -> None:
    plain = model()
    options = narrow_network(normalisation="batch_norm").options
    written = replace(plain, classifier=new_classifier(options, len(plain.class_names), plain.config).eval())
    written.network.stem.conv1.norm.running_var.fill_(3e6)
    save_detector(tmp_path / "mine.safetensors", written, int8=int8)
    read = read_detector(tmp_path / "mine.safetensors")
    for name, value in written.network.named_buffers():
        assert torch.equal(read.network.get_buffer(name), value), name


def test_the_heads_are_what_the_config_asks_for() -> None:
    config = small_config(Path(), training={"box_regression": False, "dropout": 0.1}, backbone={"frozen": "3b"})
    classifier = new_classifier(narrow_network().options, 5, config)
    assert classifier.heads.box_regressor is None
    assert classifier.heads.dropout.p == 0.1
    assert classifier.heads.linear.out_features == 6
    assert classifier.frozen == "3b"


@pytest.mark.parametrize("size", [32, 64, 160, 224])
def test_box_regression_fits_crops_of_any_size(size: int) -> None:
    config = small_config(Path(), regions={"size": size})
    classifier = new_classifier(narrow_network().options, 2, config).eval()
    assert classifier(torch.zeros(1, 3, size, size)).offsets.shape == (1, 2, 4)


def test_the_map_of_a_stage() -> None:
    network = narrow_network()
    assert map_of(network, "5b", 224)[1:] == (7, 32)
    assert map_of(network, "4e", 64) == (network.inceptions["4e"].out_channels, 4, 16)
    assert map_of(network, "5b", SIZE).cells == CELLS


def test_a_classifier_is_refused_in_words(tmp_path: Path) -> None:
    path = write_backbone(tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match=r"net\.safetensors: this file is a classifier, not a detector; .*finetune"):
        read_detector(path)


def test_a_missing_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model file .*none\.safetensors"):
        read_detector(tmp_path / "none.safetensors")
    path = write_model(tmp_path / "mine.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"mine\.safetensors: not a whole model file"):
        read_detector(path)


def tampered(path: Path, **changes: object) -> Path:
    tensors, header = read_model_file(path)
    save_model_file(path, tensors, {**header, **changes})
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"training": {"steps": "many"}}},
        {"config": {"training": {"steps": "many", "stepz": 3}}},
        {"config": {"regions": 5}},
        {"architecture": {"name": "googlenet", "options": {"depth": 3}}},
        {"preprocessing": {}},
        {"ranking": {"side": 3}},
        {"scorers": ["bayes"]},
        {"class_names": None},
        {"proposals": None},
        {"architecture": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_header_that_is_not_understood_is_told(tmp_path: Path, changes: dict) -> None:
    path = tampered(write_model(tmp_path / "mine.safetensors"), **changes)
    with pytest.raises(ValueError, match=r"mine\.safetensors: a header that this version does not understand"):
        read_detector(path)


def test_what_only_another_version_had_is_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    config = read_detector(path).config
    stored = config.model_dump(mode="json")
    stored["detection"]["second_look"] = True
    stored["colours"] = {"many": 3}
    assert read_detector(tampered(path, config=stored)).config == config
    assert "whose detection.second_look, colours this one has not" in caplog.text


def test_weights_of_another_number_of_classes_are_refused(tmp_path: Path) -> None:
    path = tampered(write_model(tmp_path / "mine.safetensors"), class_names=["one", "two", "three"])
    with pytest.raises(ValueError, match=r"heads\.linear\.weight is \(3, \d+\), not \(4, \d+\)"):
        read_detector(path)


def test_scorers_that_are_named_must_be_there(tmp_path: Path) -> None:
    path = tampered(write_model(tmp_path / "mine.safetensors"), scorers=["svm"])
    with pytest.raises(ValueError, match=r"mine\.safetensors: .*missing: svm\.scale, svm\.slope"):
        read_detector(path)


def other_config(**sections: dict) -> Config:
    return small_config(Path("narrow.safetensors"), **sections)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(model(), class_names=("blue", "red")), "b knows blue, red; a knows red, blue: .* in the same order"),
        (replace(model(), proposals={"method": "multibox"}), "b was trained with other proposals than a"),
    ],
    ids=["classes", "proposals"],
)
def test_members_of_an_ensemble_must_agree(other: DetectorModel, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_members([model(), model(), other], [Path("a"), Path("c"), Path("b")])


def test_members_that_agree_are_taken() -> None:
    check_members([model(), model(1)], [Path("a"), Path("b")])
    check_members([model()], [Path("a")])


@pytest.mark.parametrize("name", ["bvlc_googlenet.caffemodel", "googlenet-1378be20.pth"])
def test_published_weights_are_called_a_classifier(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"anything")
    with pytest.raises(ValueError, match=rf"{name}: weights of a classifier, not a detector; tools/finetune\.py"):
        read_detector(file)


def test_a_calibration_travels_in_the_file_and_may_be_put_there_later(tmp_path: Path) -> None:
    calibration = Calibration(1.5, -0.5, {"best-f1": {"red": 0.25, "blue": None}}, 6, {"photos": 3})
    path = tmp_path / "mine.safetensors"
    save_detector(path, replace(model(), calibration=calibration))
    assert read_detector(path).calibration == calibration
    write_calibration(path, replace(calibration, models=1))
    assert read_detector(path).calibration == replace(calibration, models=1)
    assert read_detector(write_model(tmp_path / "other.safetensors")).calibration is None


def test_convolutions_may_take_a_byte_a_weight(tmp_path: Path) -> None:
    written = model(ranker=True)
    half, byte = tmp_path / "half.safetensors", tmp_path / "byte.safetensors"
    save_detector(half, written)
    save_detector(byte, written, int8=True)
    stored = load_file(byte)
    for name, tensor in stored.items():
        kernel = name.startswith("classifier.backbone.") and tensor.ndim == 4
        assert tensor.dtype == (torch.int8 if kernel else torch.float32 if name.endswith(":scale") else torch.float16)
    read = read_detector(byte)
    assert torch.allclose(read.classifier(CROPS).logits, written.classifier(CROPS).logits, atol=0.05)


def test_the_bundled_detector_in_bytes_says_the_same(tmp_path: Path) -> None:
    """On crops of a photo: what the network is sure of, and where."""
    file = model_file("voc5")
    assert file is not None
    whole = read_detector(file)
    path = tmp_path / "voc5-1.safetensors"
    save_detector(path, whole, int8=True)
    assert path.stat().st_size < 0.56 * file.stat().st_size
    image = decode_image(Path(__file__).parents[3] / "examples" / "cat.jpg")
    height, width = image.shape[:2]
    random = np.random.default_rng(0)
    corners = random.uniform(0, 0.5, (6, 4)) * [width, height, width, height]
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] + [0.5 * width, 0.5 * height]], axis=1).astype(np.float32)
    crops = whole.preprocessing.normalise(crop_regions(image, boxes, Warp(224, 16), torch.device("cpu")))
    with torch.inference_mode():
        one, other = (model.classifier(crops) for model in (whole, read_detector(path)))
    assert (one.logits - other.logits).abs().max() < 0.35
    assert (one.logits.softmax(1) - other.logits.softmax(1)).abs().max() < 0.05
    assert (one.offsets - other.offsets).abs().max() < 0.25
