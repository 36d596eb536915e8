"""Whose results a folder holds."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detection.converters.locked_folder import FolderInUseError
from detection.inference.find import Failure
from detection.inference.folder import OtherRunError, RunFolder, open_run
from detection.inference.manifest import RunFolderError
from detection.inference.outputs import OUTPUTS

SETTINGS = {"version": "0.1.0", "model": ["a.safetensors 12ab"], "top": None}


def test_a_new_folder_gets_its_manifest_before_any_result(tmp_path: Path) -> None:
    with open_run(tmp_path / "runs" / "a", SETTINGS) as folder:
        content = json.loads(folder.manifest.read_bytes())
    assert folder.path == tmp_path / "runs" / "a"
    assert content["settings"] == SETTINGS
    assert content["started"].endswith("+00:00")
    assert [path.name for path in folder.path.iterdir()] == ["run.json"]


def test_the_same_settings_go_on(tmp_path: Path) -> None:
    with open_run(tmp_path, SETTINGS) as folder:
        folder.detections.write_text("kept")
        before = folder.manifest.read_bytes()
    with open_run(tmp_path, dict(SETTINGS)) as folder:
        assert folder.detections.read_text() == "kept"
        assert folder.manifest.read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"model": ["b.safetensors 34cd"]},
            r'a run with model = \["a.safetensors 12ab"\], and this one has model = \["b',
        ),
        ({"top": 500}, "a run with top = null, and this one has top = 500"),
        ({"version": "0.2.0"}, 'a run with version = "0.1.0", and this one has version = "0.2.0"'),
        ({"new": 1}, "a run with new = null, and this one has new = 1"),
    ],
)
def test_other_settings_are_refused_with_what_differs(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    with open_run(tmp_path, SETTINGS) as folder:
        folder.detections.write_text("kept")
    with pytest.raises(OtherRunError, match=message), open_run(tmp_path, {**SETTINGS, **changed}):
        pytest.fail("opened")
    assert folder.detections.read_text() == "kept"


def test_a_setting_that_is_gone_is_refused(tmp_path: Path) -> None:
    with open_run(tmp_path, {**SETTINGS, "budget": 2}):
        pass
    with pytest.raises(OtherRunError, match="budget = 2, and this one has budget = null"), open_run(tmp_path, SETTINGS):
        pytest.fail("opened")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", OUTPUTS)
def test_files_that_no_run_wrote_are_never_touched(tmp_path: Path, name: str, overwrite: bool) -> None:
    (tmp_path / name).write_text("mine")
    with (
        pytest.raises(RunFolderError, match=f"holds {name}, which no run wrote"),
        open_run(tmp_path, SETTINGS, overwrite=overwrite),
    ):
        pytest.fail("opened")
    assert (tmp_path / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": "another program"}', "\udcff"])
def test_a_manifest_of_something_else_is_refused(tmp_path: Path, content: str, overwrite: bool) -> None:
    (tmp_path / "run.json").write_bytes(os.fsencode(content))
    (tmp_path / "detections.jsonl").write_text("theirs")
    with pytest.raises(RunFolderError, match=r"run\.json"), open_run(tmp_path, SETTINGS, overwrite=overwrite):
        pytest.fail("opened")
    assert (tmp_path / "detections.jsonl").read_text() == "theirs"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(RunFolderError, match="out is a file, not a folder"), open_run(tmp_path / "out", SETTINGS):
        pytest.fail("opened")


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_runs_at_once_are_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with (
        open_run(tmp_path, SETTINGS),
        pytest.raises(FolderInUseError, match="is in use by another process"),
        open_run(tmp_path, SETTINGS, overwrite=True),
    ):
        pytest.fail("opened")
    killed = f"""
import os, signal
from pathlib import Path
from detection.inference.folder import open_run
with open_run(Path({str(tmp_path)!r}), {SETTINGS!r}):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -9
    with open_run(tmp_path, SETTINGS):
        pass


def test_failures_are_a_table_that_begins_with_the_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    names = ['with "quotes", comma.jpg', "two\nlines.jpg", "größe.jpg", os.fsdecode(b"st\xffray.jpg")]
    for name in names:
        folder.note_failure(Failure(Path(name), "damaged"))
    with folder.errors.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        assert list(csv.reader(file)) == [["path", "reason"], *([name, "damaged"] for name in names)]


def test_another_threshold_makes_the_drawings_void(tmp_path: Path) -> None:
    with open_run(tmp_path, SETTINGS) as folder:
        folder.detections.write_text('{"id": "sub/a.jpg"}\n')
        folder.forget_drawings(0.5)
        folder.drawing("sub/a.jpg").parent.mkdir(parents=True)
        folder.drawing("sub/a.jpg").write_text("drawn")
        folder.drawing("mine.jpg").write_text("mine")
        folder.forget_drawings(0.5)
        assert folder.drawing("sub/a.jpg").exists()
    with open_run(tmp_path, SETTINGS) as folder:
        folder.forget_drawings(0.3)
        assert [path.name for path in folder.drawings.iterdir()] == ["mine.jpg"]
        assert json.loads(folder.manifest.read_bytes())["threshold"] == 0.3


def test_the_address_of_a_drawing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    name = os.fsdecode(b"50% #1 ?/st\xffray \xc3\xb6.jpg")
    assert folder.drawing_address(name) is None
    folder.drawing(name).parent.mkdir(parents=True)
    folder.drawing(name).write_text("x")
    assert folder.drawing_address(name) == "annotated/50%25%20%231%20%3F/st%FFray%20%C3%B6.jpg"
