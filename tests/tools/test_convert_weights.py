"""The command: a model file from weights, or one readable line."""

from pathlib import Path

import pytest
import torch
from torchvision.models import GoogLeNet as TorchvisionGoogLeNet

from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.preprocessing import Preprocessing
from backbone.torchvision_weights import IMAGENET_PREPROCESSING
from backbone.weights import Backbone, load_backbone, save_classifier
from tools.convert_weights import main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small classifier, which is converted as any other weights are."""
    torch.manual_seed(0)
    network = GoogLeNet(GoogLeNetOptions(num_classes=3, width=0.05))
    save_classifier(tmp_path / "source", Backbone(network, Preprocessing(input_size=64), None))
    return tmp_path / "source"


def test_it_writes_a_model_file_and_says_what_it_is(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, names = source.with_name("out.safetensors"), source.with_name("names.txt")
    names.write_text("cat\ndog\n\nKäfer \n", encoding="utf-8-sig")  # as editors leave it
    assert main([str(source), "--out", str(out), "--classes", str(names)]) == 0
    assert load_backbone(out).class_names == ("cat", "dog", "Käfer")
    assert "a classifier of 3 classes, with their names" in capsys.readouterr().out


def test_float16_halves_the_file(source: Path) -> None:
    whole, half = source.with_name("whole"), source.with_name("half")
    assert main([str(source), "--out", str(whole), "--quiet"]) == 0
    assert main([str(source), "--out", str(half), "--dtype", "float16", "--quiet"]) == 0
    assert half.stat().st_size < 0.6 * whole.stat().st_size


def test_quiet_prints_nothing(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(source), "--out", str(source.with_name("out")), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_torchvision_weights_without_transform_input(tmp_path: Path) -> None:
    path, out = tmp_path / "mine.pth", tmp_path / "out.safetensors"
    theirs = TorchvisionGoogLeNet(num_classes=2, aux_logits=False, init_weights=False)
    torch.save(theirs.state_dict(), path)
    assert main([str(path), "--out", str(out), "--no-transform-input", "--quiet"]) == 0
    assert load_backbone(out).preprocessing == IMAGENET_PREPROCESSING


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no file nothing, and no published weights of that name: bvlc_googlenet, torchvision_googlenet"),
        (["SOURCE", "--dtype", "int8"], "--dtype int8: expected one of float32, float16"),
        (["SOURCE", "--no-transform-input"], "--no-transform-input is for torchvision's weights only"),
        (["SOURCE", "--classes", "SOURCE/none"], "SOURCE/none"),
        (["SOURCE", "--colour"], "--colour"),
        ([], "Missing argument"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    source: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    out = source.with_name("out.safetensors")
    arguments = [argument.replace("SOURCE", str(source)) for argument in arguments]
    assert main([*arguments, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message.replace("SOURCE", str(source)) in error
    assert not out.exists()


def test_the_weights_themselves_are_not_overwritten(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = source.read_bytes()
    source.with_name("link").symlink_to(source)
    for out in (source, source.parent / "." / source.name, source.with_name("link")):
        assert main([str(source), "--out", str(out), "--dtype", "float16"]) == 2
        assert "this is FILE itself, which is not overwritten" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_folder_is_no_file_to_write(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told before weights are fetched."""
    assert main(["bvlc_googlenet", "--out", str(source.parent)]) == 2
    assert f"{source.parent} is a folder; name the file to write, such as" in capsys.readouterr().err


def test_a_file_that_does_not_give_the_same_scores_is_an_error(
    source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.convert_weights._largest_change", lambda *_: float("nan"))
    assert main([str(source), "--out", str(source.with_name("out"))]) == 2
    assert "its scores differ" in capsys.readouterr().err


def test_help_begins_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "python tools/convert_weights.py bvlc_googlenet.caffemodel --out" in capsys.readouterr().out
