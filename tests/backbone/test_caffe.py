"""The .caffemodel reader: real weights against stored numbers, written files in every form, broken files refused."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from backbone.caffe import CAFFE_AUXILIARY_NAMES, CAFFE_NAMES, CAFFE_PREPROCESSING, load_caffemodel, read_caffemodel
from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from tests.backbone.caffe_writer import Layers, blob, caffe_layers, caffemodel, caffemodel_v1, message, text, varint

STUB: Layers = {name: [torch.ones(1), torch.ones(1)] for name in CAFFE_NAMES | CAFFE_AUXILIARY_NAMES}


@pytest.fixture(scope="module")
def bvlc(shared: Path) -> GoogLeNet:
    path = shared / "weights" / "bvlc_googlenet.caffemodel"
    if not path.is_file():
        pytest.skip(f"no weights at {path}")
    return load_caffemodel(path)


@pytest.fixture(scope="module")
def network() -> GoogLeNet:
    torch.manual_seed(0)
    return GoogLeNet(GoogLeNetOptions(num_classes=3, auxiliary=True))


@pytest.fixture(scope="module")
def layers(network: GoogLeNet) -> Layers:
    return caffe_layers(network)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.caffemodel"


def test_scores_are_those_that_opencv_stored(bvlc: GoogLeNet, shared: Path) -> None:
    """OpenCV's reference was computed on BGR 0..255 without the mean; with it the scores are .17 apart."""
    folder = shared / "data" / "googlenet_golden"
    photos = [cv2.imread(str(folder / f"googlenet_{number}.jpg")) for number in (0, 1)]  # BGR
    crops = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        scores = bvlc(crops).softmax(dim=1).numpy()
    np.testing.assert_allclose(scores, np.load(folder / "googlenet_prob.npy"), atol=1e-5)


def test_accuracy_on_a_hundred_photos(bvlc: GoogLeNet, shared: Path) -> None:
    """Squashed to 256 x 256, centre crop of 224. Over all 50,000 it is 68.7 and 88.9 (Caffe's readme)."""
    folder = shared / "data" / "imagenet_val100"
    names_and_labels = [line.split() for line in (folder / "labels.txt").read_text().splitlines()]
    photos = [Image.open(folder / "JPEGImages" / name).convert("RGB") for name, _ in names_and_labels]
    squashed = np.stack([photo.resize((256, 256), Image.Resampling.BILINEAR) for photo in photos])
    crops = torch.from_numpy(squashed[:, 16:240, 16:240]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        best = bvlc(CAFFE_PREPROCESSING.normalise(crops)).topk(5).indices
    right = best == torch.tensor([[int(label)] for _, label in names_and_labels])
    assert (int(right[:, 0].sum()), int(right.any(dim=1).sum())) == (66, 88)


def test_the_real_file_holds_the_deploy_network(bvlc: GoogLeNet) -> None:
    assert bvlc.options == GoogLeNetOptions()
    assert not bvlc.training


@pytest.mark.parametrize("write", [caffemodel, caffemodel_v1])
def test_both_forms_with_auxiliary_heads_are_read(
    path: Path, network: GoogLeNet, layers: Layers, write: Callable[[Layers], bytes]
) -> None:
    path.write_bytes(write(layers))
    loaded = load_caffemodel(path)
    assert loaded.options == network.options
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in loaded.state_dict().items())


def test_without_auxiliary_heads_there_are_none(path: Path, layers: Layers) -> None:
    path.write_bytes(caffemodel({name: layers[name] for name in CAFFE_NAMES}))
    assert load_caffemodel(path).options == GoogLeNetOptions(num_classes=3)


def test_one_class_is_enough(path: Path, layers: Layers) -> None:
    weight, bias = layers["loss3/classifier"]
    path.write_bytes(
        caffemodel_v1({name: layers[name] for name in CAFFE_NAMES} | {"loss3/classifier": [weight[:1], bias[:1]]})
    )
    assert load_caffemodel(path).options.num_classes == 1


def test_numbers_may_be_written_one_by_one_or_twice_as_long(path: Path) -> None:
    tensor = torch.randn(2, 3)
    blobs = message(7, blob(tensor, packed=False)) + message(7, blob(tensor, double=True))
    path.write_bytes(message(100, text(1, "fc") + blobs))
    first, second = read_caffemodel(path)["fc"]
    assert torch.equal(first, tensor)
    assert torch.equal(second, tensor)


def test_every_parameter_of_the_network_has_a_caffe_name() -> None:
    names = {f"{ours}.{part}" for ours in (CAFFE_NAMES | CAFFE_AUXILIARY_NAMES).values() for part in ("weight", "bias")}
    with torch.device("meta"):
        assert names == set(GoogLeNet(GoogLeNetOptions(auxiliary=True)).state_dict())


def test_a_truncated_file_is_one_clear_error(path: Path, layers: Layers) -> None:
    content = caffemodel({"conv1/7x7_s2": layers["conv1/7x7_s2"]})
    for length in range(1, len(content), 997):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=rf"^{path}: not a (whole )?\.caffemodel"):
            load_caffemodel(path)


def test_a_file_cut_between_two_layers_lists_what_is_missing(path: Path) -> None:
    path.write_bytes(caffemodel(dict(list(STUB.items())[:-1])))
    with pytest.raises(ValueError, match=r"not the weights of GoogLeNet: missing: loss2/classifier$"):
        load_caffemodel(path)


def test_missing_and_unexpected_layers_are_listed(path: Path) -> None:
    renamed = {name.replace("loss3/classifier", "fc8"): blobs for name, blobs in STUB.items() if name != "conv2/3x3"}
    path.write_bytes(caffemodel(renamed))
    with pytest.raises(ValueError, match=r"missing: conv2/3x3, loss3/classifier; unexpected: fc8$"):
        load_caffemodel(path)


def test_a_wrong_shape_is_named(path: Path, layers: Layers) -> None:
    kernel, bias = layers["inception_3a/5x5"]
    path.write_bytes(
        caffemodel({name: layers[name] for name in CAFFE_NAMES} | {"inception_3a/5x5": [kernel[:, :, 1:4], bias]})
    )
    with pytest.raises(ValueError, match=r"wrong shape: inception_3a/5x5 is \(32, 16, 3, 5\), not \(32, 16, 5, 5\)$"):
        load_caffemodel(path)


def test_a_layer_without_bias_is_named(path: Path) -> None:
    path.write_bytes(caffemodel(STUB | {"conv1/7x7_s2": [torch.ones(1)]}))
    with pytest.raises(
        ValueError, match=r"wrong shape: conv1/7x7_s2 has 1 blobs, not weight and bias, .* and \d+ more$"
    ):
        load_caffemodel(path)


def test_two_layers_of_one_name_are_refused(path: Path) -> None:
    layer = caffemodel({"fc": [torch.ones(1, 1)]})
    path.write_bytes(layer + layer)
    with pytest.raises(ValueError, match="two layers are named 'fc'"):
        read_caffemodel(path)


def test_a_blob_whose_numbers_do_not_fill_its_shape_is_refused(path: Path) -> None:
    wrong = message(7, message(1, varint(2) + varint(3))) + message(5, b"\0" * 8)
    path.write_bytes(message(100, text(1, "fc") + message(7, wrong)))
    with pytest.raises(ValueError, match=r"a blob of shape \(2, 3\) holds 2 numbers"):
        read_caffemodel(path)


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"PK\x03\x04" * 9, bytes(range(256)), b"\xff" * 40, b"layer { name: 1 }"]
)
def test_another_file_is_one_clear_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}: not a (whole )?\.caffemodel"):
        load_caffemodel(path)
