import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.bench import proposals
from detection.bench.proposals import (
    CONTRIB_PYTHON,
    OPENCV_FAST,
    OPENCV_QUALITY,
    OURS_FAST,
    OURS_RCNN,
    PACKAGE,
    Photo,
    bench_proposals,
    claims,
    photo_of,
)
from detection.bench.timing import Race, Timing
from detection.datasets.base import AnnotatedImages
from detection.structures import Target

FAKE = f"""#!{sys.executable}
import json, sys
import numpy as np
for line in sys.stdin:
    items = json.loads(line)
    for item in items:
        height, width = np.load(item["frame"]).shape[:2]
        np.save(item["boxes"], np.array([[0, 0, width, height // 2], [0, 0, 1, 1]]))
    print(json.dumps({{"wall": 2.0, "cpu": 4.0 * len(items)}}), flush=True)
"""


def photo(number: int) -> Photo:
    """Noise with one object, all of it."""
    frame = np.random.default_rng(number).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    return Photo(number, frame, Target(np.array([[0, 0, 40, 30]], np.float32), np.array([0])))


@pytest.fixture
def another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that answers for OpenCV's contributed modules, which this one has not."""
    program = tmp_path / "python"
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.delattr(cv2, "ximgproc", raising=False)
    monkeypatch.setenv(CONTRIB_PYTHON, str(program))


@pytest.mark.usefixtures("another_python")
@pytest.mark.parametrize("at_once", [1, 2])
def test_the_other_interpreter_s_time_and_boxes_count(at_once: int) -> None:
    race = bench_proposals([photo(0), photo(1)], at_once=at_once, names=(OPENCV_FAST, OURS_FAST))
    theirs, ours = race.timings
    assert race.baseline == theirs.name == OPENCV_FAST
    assert theirs.wall == (2.0,) * (2 // at_once)
    assert theirs.cpu == (4.0 * at_once,) * (2 // at_once)
    assert race.units == at_once
    assert theirs.facts == {"boxes": "2", "recall at 0.5": "1.0000", "recall at 0.7": "0.0000"}
    assert float(ours.facts["recall at 0.5"]) == 1
    assert not race.notes


def test_without_such_an_interpreter_it_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "ximgproc", raising=False)
    monkeypatch.delenv(CONTRIB_PYTHON, raising=False)
    race = bench_proposals([photo(0)], names=(OPENCV_FAST, OPENCV_QUALITY, OURS_RCNN))
    assert [timing.name for timing in race.timings] == [race.baseline] == [OURS_RCNN]
    assert [note.partition(":")[0] for note in race.notes] == [OPENCV_FAST, OPENCV_QUALITY]
    assert CONTRIB_PYTHON in race.notes[0]


@pytest.mark.usefixtures("another_python")
def test_an_interpreter_without_the_modules_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTRIB_PYTHON, sys.executable)
    with pytest.raises(RuntimeError, match="ximgproc"):
        bench_proposals([photo(0)], names=(OPENCV_FAST,))


def test_objects_are_scaled_to_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.zeros((50, 100, 3), np.uint8))
    target = Target(np.array([[10, 20, 30, 40]], np.float32), np.array([0]), difficult=np.array([True]))
    one = photo_of(AnnotatedImages(("cat",), ("photo",), (path,), (target,)), 0)
    assert one.frame.shape == (250, 500, 3)
    assert one.target.boxes.tolist() == [[50, 100, 150, 200]]
    assert one.target.difficult.tolist() == [True]


def race_of(**timings: tuple[float, str]) -> Race:
    """Of contestants' CPU seconds and recall at 0.5; at 0.7 it is 0.7."""
    made = [
        Timing(name, (1.0,), (cpu,), {"recall at 0.5": recall, "recall at 0.7": "0.7000"})
        for name, (cpu, recall) in timings.items()
    ]
    return Race("selective search", "photo", made, made[0].name)


def test_claims_are_judged_by_cpu_time_and_recall() -> None:
    holds = {OPENCV_FAST: (20.0, "0.9020"), OURS_FAST: (1.0, "0.9000"), OURS_RCNN: (1.0, "0.9"), PACKAGE: (49.0, "0.8")}
    first, second = claims(race_of(**holds))
    assert first.endswith("20.0x, 0.9000 and 0.9020, 0.7000 and 0.7000: holds")
    assert second.endswith("at least 50x: 49.0x: does not hold")
    worse = {**holds, OPENCV_FAST: (20.0, "0.9021")}
    assert claims(race_of(**worse))[0].endswith("does not hold")
    slower = {**holds, OURS_FAST: (1.01, "0.9020")}
    assert claims(race_of(**slower))[0].endswith("does not hold")


def test_what_did_not_race_is_not_claimed() -> None:
    first, _ = claims(race_of(**{OURS_FAST: (1.0, "0.9"), OURS_RCNN: (1.0, "0.9"), PACKAGE: (60.0, "0.8")}))
    assert first.endswith(f"not measured, {OPENCV_FAST} is missing")


@pytest.mark.skipif(not hasattr(cv2, "ximgproc"), reason="this OpenCV has no contributed modules")
def test_the_worker_searches(tmp_path: Path) -> None:
    np.save(tmp_path / "frame.npy", photo(0).frame)
    item = f'[{{"frame": "{tmp_path}/frame.npy", "boxes": "{tmp_path}/boxes.npy"}}]\n'
    script = str(proposals.opencv_worker.__file__)
    done = subprocess.run([sys.executable, script, "fast", "1"], input=item, capture_output=True, text=True, check=True)
    assert '"cpu"' in done.stdout
    assert np.load(tmp_path / "boxes.npy").shape[1] == 4
