"""tools/refine.py as its users call it."""

from pathlib import Path

import pytest

from detection.build import refine
from detection.build.detector import load_detector
from tests.detection.build.models import write_model
from tests.detection.rectangles import propose, rectangles
from tests.detection.rectangles_voc import write_tree
from tools.refine import main

PHOTOS = rectangles(4)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Photos with their objects, whose proposals are windows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(refine.ProposalStore, "fill", lambda self, paths, **_: propose(PHOTOS)[: len(paths)])
    write_tree(tmp_path / "data", PHOTOS, {"trainval": PHOTOS.ids})
    write_model(tmp_path / "mine.safetensors")
    return "data"


def test_the_new_file_holds_scorers_and_uses_those_asked_for(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = "--set", "detection.scores=svm", "--set", "detection.context=0.25"
    assert main(["mine.safetensors", "--data", data, "--out", "new.safetensors", "--store", "s", *asked]) == 0
    out = capsys.readouterr().out
    assert "the detector: new.safetensors" in out
    assert "it uses scores=svm, box_regression=learned, context=0.25" in out
    found = load_detector("new.safetensors", device="cpu", detection={"box_regression": "ridge"})
    (member,) = found.scorer.members
    assert member.svm is not None
    assert member.context is not None
    assert member.ridge is not None
    with pytest.raises(ValueError, match=r"tools/refine\.py"):
        load_detector("mine.safetensors", device="cpu", detection={"box_regression": "ridge"})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.safetensors", "--data", "data", "--out", "new.safetensors"], "no model file none.safetensors"),
        (["mine.safetensors", "--data", "data", "--out", "no/new.safetensors"], "there is no folder no"),
        (
            ["mine.safetensors", "--data", "data", "--out", "data"],
            "data is a folder; name the file to write, such as data/model.safetensors",
        ),
        (["mine.safetensors", "--data", "nowhere", "--out", "new.safetensors"], "no file or folder nowhere"),
        (
            ["mine.safetensors", "--data", "data", "--out", "new.safetensors", "--set", "scoring.rigde=1"],
            "did you mean 'ridge'?",
        ),
        (
            ["mine.safetensors", "--data", "data", "--out", "new.safetensors", "--set", "regions.size=100"],
            "only scoring and detection can be changed",
        ),
        (["mine.safetensors", "--data", "data"], "--out"),
    ],
)
@pytest.mark.usefixtures("data")
def test_bad_input_ends_in_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error:")
    assert error.count("\n") == 1
    assert words in error
    assert not Path("new.safetensors").exists()


def test_a_place_that_cannot_be_written_is_told_before_the_fit(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the fit takes hours")

    monkeypatch.setattr(refine, "fit_scorers", never)
    assert main(["mine.safetensors", "--data", data, "--out", "data"]) == 2
