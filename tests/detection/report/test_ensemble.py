"""Which run is what, and what the table says of it."""

import json
from pathlib import Path

import pytest

from detection.evaluation.analysis import judge_under
from detection.evaluation.judgement import Judgement
from detection.report.ensemble import ensemble_table, runs_of
from detection.structures import Detections
from tests.detection.rectangles import CLASSES, rectangles

PHOTOS = rectangles(6)


def run(folder: Path, *models: str) -> Path:
    """A folder as tools/infer.py leaves it, but for the detections."""
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(
        json.dumps({"settings": {"model": [f"{name}.safetensors 0{name}" for name in models]}})
    )
    return folder


def judged(finds: int) -> Judgement:
    """A result that finds the objects of the first photos."""
    targets = [PHOTOS.target(number) for number in range(len(PHOTOS))]
    found = [
        Detections(target.boxes, target.labels + 0.5, target.labels) if number < finds else Detections.empty()
        for number, target in enumerate(targets)
    ]
    return judge_under("voc10", found, targets, CLASSES)


def test_runs_are_told_by_their_models(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, *name) for name in ("b", "a", "c", "abc", "ab", "bc")]
    runs = runs_of(folders)
    assert {name: one.folder.name for name, one in runs.single.items()} == {"a": "a", "b": "b", "c": "c"}
    assert {count: one.folder.name for count, one in runs.averaged.items()} == {2: "ab", 3: "abc"}
    assert {name: one.folder.name for name, one in runs.left_out.items()} == {"c": "ab", "a": "bc"}


def test_the_gain_of_an_average_is_against_the_best_single_model(tmp_path: Path) -> None:
    finds = {"a": 2, "b": 4, "ab": 6}
    runs = runs_of([run(tmp_path / name, *name) for name in finds])
    rows = runs.gains(lambda folder: judged(finds[folder.name]), len(PHOTOS))
    assert [(row.kind, row.name) for row in rows] == [("single", "a"), ("single", "b"), ("averaged", "2")]
    assert rows[1].gain is None
    assert rows[2].gain is not None
    assert rows[2].gain.difference.value == pytest.approx(rows[2].mean_ap - rows[1].mean_ap)
    cells = [list(column.cells) for column in ensemble_table(rows).columns]
    assert cells[0] == ["single a", "single b", "averaged 2"]
    assert cells[2] == ["-33.3", "", "+33.3"]
    assert cells[5][2] == "single b"


def test_single_models_alone_are_compared(tmp_path: Path) -> None:
    runs = runs_of([run(tmp_path / name, name) for name in ("a", "b")])
    assert (list(runs.single), runs.averaged, runs.left_out) == (["a", "b"], {}, {})


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (["ab", "abc"], "no run of a single model"),
        (["a", "b", "ab", "c"], "not among the 2 models"),
        (["a", "a"], "runs of the same models"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path, models: list[str], words: str) -> None:
    folders = [run(tmp_path / f"{number}", *each) for number, each in enumerate(models)]
    with pytest.raises(ValueError, match=words):
        runs_of(folders)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"settings": {}}'], ids=["absent", "cut", "list", "no models"])
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match=r"not a run of tools/infer\.py"):
        runs_of([tmp_path])
