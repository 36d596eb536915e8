"""tools/classify.py: names of photos, errors beside Table 3, and bad input in one line."""

import csv
import json
from pathlib import Path

import pytest
import torch

from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.preprocessing import Preprocessing
from backbone.weights import Backbone, save_classifier
from detection.evaluation.paper_tables import Measurement
from tests.backbone.classification.coloured_shapes import CLASSES, write_shapes
from tools.classify import main
from tools.paper import main as paper


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("data") / "shapes", 1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    paths = []
    for seed in range(2):
        torch.manual_seed(seed)
        network = GoogLeNet(GoogLeNetOptions(num_classes=6, width=0.05)).eval()
        paths.append(str(folder / f"m{seed}.safetensors"))
        save_classifier(paths[-1], Backbone(network, Preprocessing(mean=(120, 120, 120), input_size=35), CLASSES))
    return paths


def test_photos_get_names_and_probabilities(
    shapes: Path, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written, sheet = tmp_path / "out.json", tmp_path / "out.csv"
    arguments = ["--model", models[0], "--crops", "10", "--json", str(written), "--csv", str(sheet), "--top", "6"]
    assert main([str(shapes / "red_disc"), str(shapes / "blue_disc"), *arguments]) == 0
    out = capsys.readouterr().out
    photos = json.loads(written.read_text())
    assert [photo["photo"] for photo in photos] == ["blue_disc/0.png", "red_disc/0.png"]
    for photo in photos:
        probabilities = [one["probability"] for one in photo["classes"]]
        assert {one["class"] for one in photo["classes"]} == set(CLASSES)
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-3)
        assert f"{probabilities[0]:.4f}" in out
    rows = list(csv.DictReader(sheet.read_text().splitlines()))
    assert len(rows) == 12
    assert rows[0] == {
        "photo": "blue_disc/0.png",
        "class": photos[0]["classes"][0]["class"],
        "probability": str(photos[0]["classes"][0]["probability"]),
    }


def test_a_photo_that_cannot_be_read_does_not_stop_the_others(
    shapes: Path, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(b"no photo")
    (tmp_path / "b.png").write_bytes((shapes / "red_disc" / "0.png").read_bytes())
    assert main([str(tmp_path), "--model", models[0], "--top", "1"]) == 1
    captured = capsys.readouterr()
    assert captured.out.count("b.png") == 1
    assert captured.err.startswith("failed: ")
    assert "a.png: not an image" in captured.err


def test_a_known_photo_that_cannot_be_read_is_left_out_of_the_figures(
    shapes: Path, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no photo")
    (tmp_path / "fine.png").write_bytes((shapes / "red_disc" / "0.png").read_bytes())
    listing, written = tmp_path / "labels.txt", tmp_path / "out.json"
    listing.write_text("broken.png 0\nfine.png 1\nabsent.png 2\n")
    arguments = ["--data", str(tmp_path), "--model", models[0], "--json", str(written)]
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert {row["images"] for row in json.loads(written.read_text())} == {1}
    assert "1 photos" in captured.out
    assert [line.split(":")[0] for line in captured.err.splitlines()] == ["failed", "failed"]
    assert "broken.png: not an image" in captured.err
    assert "absent.png" in captured.err
    listing.write_text("broken.png 0\nabsent.png 2\n")
    assert main(arguments) == 2
    assert "absent.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "precision"),
    [([], "float32"), (["--precision", "bfloat16"], "bfloat16"), (["--precision", "auto"], "float16")],
)
def test_errors_say_their_precision_which_is_float32_unless_asked_for(
    shapes: Path,
    models: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    precision: str,
) -> None:
    monkeypatch.setattr("backbone.classification.averaging.fastest_dtype", lambda _device: torch.float16)
    written = tmp_path / "out.json"
    arguments = ["--data", str(shapes), "--model", models[0], "--json", str(written), "--quiet"]
    assert main([*arguments, "--device", "cpu", *options]) == 0
    row, _ = [Measurement.model_validate(one) for one in json.loads(written.read_text())]
    assert row.precision == precision
    assert row.command.endswith(f"--crops 1 --precision {precision}")
    assert row.conditions.endswith(f"1 crop, {precision}")


def test_one_command_prints_the_grid_of_table_3(
    shapes: Path, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "table3.json"
    averaged = [word for model in models for word in ("--model", model)]
    assert main(["--data", str(shapes), *averaged, "--table3", "--max-pooling", "--json", str(written)]) == 0
    out = capsys.readouterr().out
    measured = json.loads(written.read_text())
    rows = [(row["models"], row["crops"], row["pooling"]) for row in measured if row["figure"] == "top-5 error"]
    assert rows == [
        (models_, crops, pooling)
        for models_ in (1, 2)
        for crops, pooling in ((1, "mean"), (10, "mean"), (10, "max"), (144, "mean"), (144, "max"))
    ]
    printed = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "mean" in line]
    assert [row[3] for row in printed] == ["1", "10", "144", "2", "20", "288"]  # cost
    assert [row[6] for row in printed] == ["10.07", "9.15", "7.89", "", "", ""]  # the paper's, of 1 and 7 models
    assert "6 photos: one of them is 17 points" in out
    assert paper(["all", "--measured", str(written)]) == 0
    assert (
        "top-5 error; shapes, 6 images, 2 models, 144 crops, the highest over the crops, float32"
        in capsys.readouterr().out
    )


def test_numbered_photos_and_named_classes(shapes: Path, models: list[str], tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\n".join(f"n0000000{number} {name}" for number, name in enumerate(CLASSES)))
    (tmp_path / "val").mkdir()
    for number, name in enumerate(CLASSES):
        (tmp_path / "val" / f"n0000000{number}").symlink_to(shapes / name)
    by_folder, by_list, by_name = (tmp_path / f"{name}.json" for name in "abc")
    usual = ["--model", models[0], "--quiet", "--json"]
    assert main(["--data", str(tmp_path), "--labels", str(words), *usual, str(by_folder)]) == 0
    (shapes / "labels.txt").write_text("".join(f"{name}/0.png {number}\n" for number, name in enumerate(CLASSES)))
    assert main(["--data", str(shapes), *usual, str(by_list)]) == 0
    (shapes / "labels.txt").unlink()
    assert main(["--data", str(shapes), *usual, str(by_name)]) == 0
    values = [[row["value"] for row in json.loads(path.read_text())] for path in (by_folder, by_list, by_name)]
    assert values[0] == values[1] == values[2]


def test_bad_input_ends_in_one_line(
    shapes: Path, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other" / "n00000001").mkdir(parents=True)
    (tmp_path / "other" / "n00000001" / "1.png").write_bytes(b"")
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    for arguments, words in (
        ([], "give PATHs, photos and folders, or known photos with --data, and not both"),
        ([str(shapes), "--data", str(shapes)], "and not both"),
        ([str(shapes), "--table3"], "they need --data"),
        (["--data", str(shapes), "--csv", "x.csv"], "--csv is for PATHs"),
        ([str(shapes), "--crops", "9"], "--crops 9: choose 1, 10, 144"),
        ([str(shapes), "--precision", "half"], "--precision half: choose auto, float32, bfloat16, float16"),
        ([str(shapes), "--model", "absent.safetensors"], "no file absent.safetensors"),
        (
            [str(shapes), "--model", models[0], "--labels", str(tmp_path / "words.txt")],
            "2 class names for a model of 6",
        ),
        (["--data", str(tmp_path / "other"), "--model", models[0]], "; --labels FILE says how they are called"),
        ([str(tmp_path / "absent.jpg"), "--model", models[0]], "no such file or folder"),
    ):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("error: ")
        assert captured.err.count("\n") == 1
        assert words in captured.err


@pytest.mark.slow
def test_published_weights_have_their_errors_on_a_hundred_photos(shared: Path, tmp_path: Path) -> None:
    """As README says."""
    weights, photos = shared / "weights" / "bvlc_googlenet.caffemodel", shared / "data" / "imagenet_val100"
    if not weights.is_file():
        pytest.skip(f"no weights at {weights}")
    written = tmp_path / "out.json"
    assert main(["--data", str(photos), "--model", str(weights), "--json", str(written), "--quiet"]) == 0
    errors = {row["figure"]: row["value"] for row in json.loads(written.read_text())}
    assert errors == {"top-1 error": pytest.approx(34), "top-5 error": pytest.approx(12)}
