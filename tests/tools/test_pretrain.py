"""tools/pretrain.py: a whole run, a run that is stopped and goes on, and bad input in one line."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from backbone.weights import load_backbone, read_model_header
from detection.converters.locked_folder import locked_folder
from detection.images import decode_image
from detection.training.checkpoint import load_checkpoint
from tests.backbone.classification.coloured_shapes import CLASSES, write_shapes
from tools.pretrain import main

CONFIG = """# a small one
network: {width: 0.05, auxiliary: false, input_size: 35}
recipe: {epochs: 2, batch_size: 6, average: 0.5, checkpoint_every: 3, validate_every: 1}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shapes")
    write_shapes(root / "train", 3)
    write_shapes(root / "val", 1, seed=1)
    return root


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def lines(run: Path) -> list[dict[str, Any]]:
    """What was logged, but for the speed."""
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "photos_per_second"} for line in logged]


def test_a_run_makes_a_classifier_and_explains_itself(
    config: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main([str(config), "--data", str(data), "--out", str(run), "--device", "cpu"]) == 0
    assert f"try it: python tools/classify.py PHOTO --model {run}" in capsys.readouterr().out
    assert load_backbone(run / "model.safetensors").class_names == CLASSES
    logged = lines(run)
    assert [line["step"] for line in logged] == [3, 3, 6, 6]  # 18 photos: 3 batches an epoch
    assert [sorted(line) for line in logged[:2]] == [
        ["accuracy", "epoch", "learning_rate", "loss", "step"],
        ["step", "top_1_error", "top_5_error"],
    ]
    provenance = read_model_header(run / "model.safetensors")["provenance"]
    assert provenance["photos"] == 18
    assert provenance["config"]["recipe"]["epochs"] == 2
    assert provenance["data"] == json.loads((run / "manifest.json").read_text())["data"]


@pytest.mark.parametrize(
    "last",
    [
        18 + 6 + 8,  # in the middle of the second epoch's second batch
        18 + 2,  # in the first validation: losses are logged, and there is no checkpoint yet
    ],
)
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(
    config: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    arguments = [str(config), "--data", str(data), "--device", "cpu", "--quiet", "--out"]
    assert main([*arguments, str(whole)]) == 0
    reads = 0

    def decode(path: Path) -> Any:
        nonlocal reads
        reads += 1
        if reads == last:
            raise KeyboardInterrupt
        return decode_image(path)

    monkeypatch.setattr("detection.build.pretraining.decode_image", decode)
    assert main([*arguments, str(stopped)]) == 130
    assert not (stopped / "model.safetensors").exists()
    assert main([*arguments, str(stopped), "--resume"]) == 0
    models = [load_backbone(run / "model.safetensors").network.state_dict() for run in (whole, stopped)]
    assert all(torch.equal(tensor, models[1][name]) for name, tensor in models[0].items())
    assert lines(whole) == lines(stopped)


def test_a_damaged_photo_costs_the_validation_nothing_but_itself(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_shapes(data / "train", 3)
    write_shapes(data / "val", 1, seed=1)
    broken = data / "val" / "red_disc" / "0.png"
    broken.write_bytes(b"no photo")
    arguments = [str(config), "--data", str(data), "--out", str(run), "--device", "cpu"]
    assert main(arguments) == 0
    assert f"left out of the validation: {broken}: not an image" in " ".join(capsys.readouterr().err.split())
    assert [line["step"] for line in lines(run) if "top_1_error" in line] == [3, 6]


def test_training_is_kept_where_the_validation_cannot_be_made(
    config: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    arguments = [str(config), "--data", str(data), "--device", "cpu", "--quiet", "--out"]
    assert main([*arguments, str(whole)]) == 0
    with monkeypatch.context() as patch:
        patch.setattr("backbone.classification.averaging.CropClassifier.__call__", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main([*arguments, str(stopped)])
    assert load_checkpoint(stopped / "checkpoint.pt")["step"] == 3
    assert main([*arguments, str(stopped), "--resume"]) == 0
    assert lines(whole) == lines(stopped)


def test_plain_folders_are_enough(config: Path, tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    arguments = ["--out", str(run), "--set", "recipe.epochs=1", "--workers", "1", "--quiet", "--device", "cpu"]
    assert main([str(config), "--data", str(data / "train"), *arguments]) == 0
    assert all("loss" in line for line in lines(run))


def test_bad_input_ends_in_one_line(
    config: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken"
    write_shapes(broken, 1)
    (broken / "red_disc" / "0.png").write_bytes(b"no photo")
    other = tmp_path / "other"
    write_shapes(other / "train", 1)
    (other / "val" / "cube").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(other / "val" / "cube" / "1.png")
    for name, arguments, words in (
        ("a", ["--data", str(tmp_path / "absent")], "no folder"),
        ("b", ["--data", str(empty)], "expected one a class"),
        ("c", ["--data", str(data), "--set", "recipe.epoch=3"], "recipe has no key 'epoch'; did you mean 'epochs'?"),
        ("d", ["--data", str(data), "--set", "network.auxiliary=true"], "the auxiliary heads need 224"),
        ("e", ["--data", str(broken)], f"error: {broken}/red_disc/0.png: not an image"),
        ("i", ["--data", str(broken), "--workers", "1"], f"error: {broken}/red_disc/0.png: not an image"),
        ("f", ["--data", str(other)], "folder 'cube' is none of the 6 classes"),
        ("g", ["--data", str(data), "--resume"], "no run in"),
        ("h", ["--data", str(data), "--set", "recipe.seed=-1"], "recipe.seed: input should be greater than or equal"),
    ):
        assert main([str(config), "--out", str(tmp_path / name), "--device", "cpu", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("error: ")
        assert captured.err.count("\n") == 1
        assert words in captured.err


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_runs_at_once_in_one_folder_are_refused(
    config: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked_folder(tmp_path / "run"):
        assert main([str(config), "--out", str(tmp_path / "run"), "--data", str(data), "--device", "cpu"]) == 2
    assert "run is in use by another process" in capsys.readouterr().err


def test_the_published_config_is_the_default() -> None:
    from backbone.classification.recipe import PretrainingConfig
    from detection.config_file import read_config

    root = Path(__file__).resolve().parents[2]
    assert read_config(root / "configs/pretrain_imagenet.yaml", schema=PretrainingConfig) == PretrainingConfig()
