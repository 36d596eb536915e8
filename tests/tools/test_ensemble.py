"""tools/ensemble.py as its users call it."""

import json
from pathlib import Path

import pytest

from tests.detection.datasets.trees import write_voc
from tools.ensemble import main


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three runs on a photo with a cat: "a" has a wrong box before the right one, "b" and both together have not."""
    monkeypatch.chdir(tmp_path)
    write_voc(tmp_path / "data", {"000001": [("cat", 11, 11, 20, 20)]}, {"test": ["000001"]})
    for name, score in (("a", 0.1), ("b", 0.9), ("ab", 0.8)):
        folder = tmp_path / name
        folder.mkdir()
        settings = {"model": [f"{one}.safetensors 0{one}" for one in name]}
        (folder / "run.json").write_text(json.dumps({"format": "googlenet-rcnn detections, 1", "settings": settings}))
        line = {"id": "000001", "path": "x.jpg", "width": 40, "height": 30, "boxes": [[0, 0, 1, 1], [10, 10, 20, 20]]}
        line |= {"labels": ["cat", "cat"], "scores": [0.5, score], "seconds": 0.0}
        (folder / "detections.jsonl").write_text(json.dumps(line) + "\n")
    return ["a", "b", "ab"]


def test_singles_and_average_stand_beside_the_paper(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*runs, "--data", "data", "--split", "test", "--protocol", "voc10", "--json", "gain.json"]) == 0
    out = capsys.readouterr().out
    assert "voc10, 1 photos; the paper, six models on ILSVRC 2014: 40% to 43.9% (section 8)" in out
    written = json.loads(Path("gain.json").read_text())
    figures = [(row["kind"], row["name"], row["mean_ap"]) for row in written["rows"]]
    assert figures == [("single", "a", 0.5), ("single", "b", 1.0), ("averaged", "2", 1.0)]
    assert written["rows"][2]["gain"]["difference"]["value"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "data", "--data", "data"], "data: not a run of tools/infer.py"),
        (["a", "b", "--data", "nowhere"], "nowhere"),
        (["a", "b", "--data", "data", "--protocol", "voc08"], "voc08"),
        (["a", "b"], "--data"),
    ],
)
def test_bad_input_ends_in_one_line(
    runs: list[str], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error:")
    assert error.count("\n") == 1
    assert words in error
