"""The command: a table for each subject, and one readable line where the input is bad."""

import json
from pathlib import Path

import pytest

from detection.bench.proposals import CONTESTANTS
from detection.bench.scaling import MEGAPIXELS, Cost
from detection.bench.timing import Race, Timing
from tests.detection.inference.stub import save_photo
from tools import bench
from tools.bench import main


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_photo(tmp_path / "photos" / "one.png", red=200)
    return tmp_path / "photos"


def test_regions(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    assert main(["regions", "--photos", str(photo), "--top", "2", "--repeat", "1", "--json", str(path)]) == 0
    assert "torchvision roi_align" in capsys.readouterr().out
    (race,) = json.loads(path.read_text())["races"]
    assert race["contestants"]["ours"]["times_as_fast"]["wall"] > 0


def test_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["network", "--device", "cpu", "--batch", "1", "--batches", "1", "--size", "32", "--no-training"]) == 0
    out = capsys.readouterr().out
    assert "inference, float32, cpu, 1 crops at once" in out
    assert "ours, without LRN" in out


def test_detector(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detector", "--photos", str(photo), "--top", "2", "--repeat", "1", "--device", "cpu"]) == 0
    assert "propose" in capsys.readouterr().out


def test_proposals(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = "ours, OpenCV fast's"
    assert main(["proposals", "--data", str(photo), "--first", "1", "--workers", "1", "--only", ours]) == 0
    assert ours in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--photos", "--at-once"])
def test_a_count_of_photos_is_no_path(option: str, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["proposals", "--data", str(photo), option, "1"]) == 2
    assert f"No such option: {option}" in capsys.readouterr().err


def test_scaling(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bench.json"
    monkeypatch.setattr("detection.bench.scaling.LARGEST", (300, 400))
    assert main(["scaling", "--photos", str(photo), "--repeat", "1", "--json", str(path)]) == 0
    assert "seconds grow as pixels to the power of" in capsys.readouterr().out
    content = json.loads(path.read_text())
    sizes = content["scaling"]["sizes"]
    assert [size["megapixels"] for size in sizes] == list(MEGAPIXELS)
    assert all(seconds > 0 for size in sizes for seconds in size["seconds"])
    assert content["machine"]["cores"] >= 1


def test_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    assert main(["evaluate", "--share", "0.001", "--json", str(path)]) == 0
    assert "pycocotools" in capsys.readouterr().out
    assert len(json.loads(path.read_text())["races"]) == 2


def test_all_is_every_subject_in_one_file(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("proposals", "regions", "network", "detector", "evaluate"):
        race = Race(name, "photo", [Timing("ours", (1.0,), (1.0,))], baseline="ours")
        monkeypatch.setattr(bench, name, lambda *_, race=race, **__: [race])
    costs = [Cost(1.0, 1_000_000, (0.2,)), Cost(2.0, 2_000_000, (0.4,))]
    monkeypatch.setattr(bench, "scaling", lambda *_, **__: costs)
    path = tmp_path / "bench.json"
    assert main(["all", "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    assert [race["title"] for race in content["races"]] == ["proposals", "regions", "network", "detector", "evaluate"]
    assert content["scaling"]["exponent"] == pytest.approx(1)
    assert [size["seconds"] for size in content["scaling"]["sizes"]] == [[0.2], [0.4]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["regions", "--photos", "nowhere"], "nowhere: no such file or folder"),
        (["network", "--device", "tpu"], "unknown device 'tpu'"),
        (["network", "--size", "16"], "--size"),
        (["detector", "--model", "gone"], "no model file gone"),
        (
            ["proposals", "--only", "theirs"],
            '--only theirs: there is no such contestant; choose from "OpenCV fast", "ours',
        ),
        (["speed"], "No such command 'speed'"),
        ([], "Missing command"),
    ],
)
def test_bad_input_ends_in_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_help_names_every_contestant_in_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["proposals", "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert all(f'"{name}"' in words for name in CONTESTANTS)


def test_how_often_is_no_count_of_photos_where_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--help"]) == 0
    assert "photo" not in capsys.readouterr().out


def test_help_begins_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "python tools/bench.py regions" in capsys.readouterr().out.split("Options")[0]
