"""One loader for every kind of file; what cannot be loaded is told in words."""

from pathlib import Path

import pytest
import torch
from torchvision.models import GoogLeNet as TorchvisionGoogLeNet

from backbone.caffe import CAFFE_PREPROCESSING
from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.hub import KNOWN_WEIGHTS, Published
from backbone.model_file import save_model_file
from backbone.preprocessing import Preprocessing
from backbone.torchvision_weights import TRANSFORM_INPUT_PREPROCESSING
from backbone.weights import Backbone, load_backbone, read_model_file, save_classifier
from tests.backbone.caffe_writer import caffe_layers, caffemodel

NAMES = ("cat", "dog", "Käfer")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.file"


@pytest.fixture
def small() -> Backbone:
    torch.manual_seed(0)
    network = GoogLeNet(GoogLeNetOptions(num_classes=3, width=0.05, normalisation="batch_norm", auxiliary=True))
    return Backbone(network.eval(), Preprocessing(channel_order="bgr", mean=(1, 2, 3), input_size=64), NAMES)


@pytest.mark.parametrize("dtype", [None, torch.float16])
def test_a_classifier_comes_back_as_it_was(path: Path, small: Backbone, dtype: torch.dtype | None) -> None:
    save_classifier(path, small, provenance={"data": "mine"}, dtype=dtype)
    loaded = load_backbone(path)
    assert loaded.network.options == small.network.options
    assert loaded[1:] == small[1:]
    assert not loaded.network.training
    for name, tensor in loaded.network.state_dict().items():
        expected = small.network.state_dict()[name]
        assert tensor.dtype == expected.dtype
        assert torch.equal(tensor, expected if dtype is None else expected.to(dtype).to(expected.dtype)), name
    assert read_model_file(path, kind="classifier")[1]["provenance"] == {"data": "mine"}


def test_a_caffemodel_comes_with_its_preprocessing(path: Path) -> None:
    network = GoogLeNet()
    path.write_bytes(caffemodel(caffe_layers(network)))
    loaded = load_backbone(path)
    assert torch.equal(loaded.network.linear.weight, network.linear.weight)  # type: ignore[union-attr]
    assert loaded.preprocessing == CAFFE_PREPROCESSING
    assert loaded.class_names is not None
    assert (len(set(loaded.class_names)), loaded.class_names[0], loaded.class_names[-1]) == (
        1000,
        "tench",
        "toilet tissue",
    )


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "pickle"])
def test_a_torchvision_file_comes_with_its_preprocessing(path: Path, legacy: bool) -> None:
    theirs = TorchvisionGoogLeNet(num_classes=4, aux_logits=False, init_weights=False)
    torch.save(theirs.state_dict(), path, _use_new_zipfile_serialization=not legacy)
    loaded = load_backbone(path)
    assert torch.equal(loaded.network.linear.weight, theirs.fc.weight)  # type: ignore[union-attr]
    assert loaded.preprocessing == TRANSFORM_INPUT_PREPROCESSING
    assert loaded.class_names is None


def test_a_known_name_means_the_published_file(path: Path, small: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    save_classifier(path, small)
    monkeypatch.setenv("GOOGLENET_RCNN_CACHE", str(path.parent))
    monkeypatch.setitem(KNOWN_WEIGHTS, "mine", Published(f"http://127.0.0.1:1/{path.name}", "sha1", ""))
    assert load_backbone("mine").class_names == NAMES


def test_the_names_of_imagenet_stand_in_the_order_of_the_weights(shared: Path) -> None:
    from backbone.weights import _imagenet_names

    with torch.device("meta"):
        names = _imagenet_names(GoogLeNet())
    lines = (shared / "weights" / "synset_words.txt").read_text().splitlines()
    assert names is not None
    differing = [
        (name, line) for name, line in zip(names, lines, strict=True) if name != line.split(" ", 1)[1].split(",")[0]
    ]
    # two names say more than the synset's first word, so that no two classes are called the same
    assert [name for name, _ in differing] == ["crane bird", "maillot tank suit"]


def test_a_detector_is_no_classifier(path: Path) -> None:
    save_model_file(path, {"weight": torch.ones(1)}, {"kind": "detector"})
    with pytest.raises(ValueError, match=r"this file is a detector, not a classifier; tools/convert_weights\.py"):
        load_backbone(path)


def test_a_wrong_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*bvlc\.caffemodel, .*bvlc_googlenet, torchvision_googlenet"):
        load_backbone(tmp_path / "bvlc.caffemodel")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a file of weights, not a folder"):
        load_backbone(tmp_path)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"version https://git-lfs.github.com/spec/v1"])
def test_a_file_of_no_known_kind_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"neither a model file \(\.safetensors\), a torchvision \.pth nor a \.caffemodel"
    ):
        load_backbone(path)


def test_the_number_of_names_must_be_that_of_the_classes(path: Path, small: Backbone) -> None:
    with pytest.raises(ValueError, match="2 class names for 3 classes"):
        save_classifier(path, small._replace(class_names=NAMES[:2]))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("architecture", {"name": "googlenet", "options": {"colour": 1}}, "unknown GoogLeNet option 'colour'"),
        ("preprocessing", {"mean": 1}, "expected the fields"),
        ("class_names", ["cat"], "1 class names for 3 classes"),
        ("architecture", {"name": "googlenet", "options": {"num_classes": 3}}, "wrong shape: stem.conv1.weight"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    path: Path, small: Backbone, field: str, value: object, message: str
) -> None:
    save_classifier(path, small)
    tensors, header = read_model_file(path)
    save_model_file(path, tensors, header | {field: value})
    with pytest.raises(ValueError, match=f"^{path}: .*{message}"):
        load_backbone(path)
