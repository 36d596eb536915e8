"""The command: what it writes, prints and returns. The detector is a stub."""

import errno
import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.calibration import Calibration
from detection.images import decode_image
from detection.inference import run as run_module
from detection.inference.formats import FORMATS
from detection.proposals.store import StoreError
from detection.results import read_detections
from detection.structures import Proposals
from tests.detection.datasets.trees import write_voc
from tests.detection.inference.stub import StubDetector, lock_folders, save_photo
from tools import infer

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four photos; the detector scores their dogs 0, 0.24, 0.47 and 0.71."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for number in range(4):
        save_photo(tmp_path / "photos" / f"sub{number % 2}" / f"{number}.png", red=60 * number)
    return Path("photos")


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the command asks to load; it gets a stub."""
    calls: list[tuple[object, ...]] = []

    def load(*asked: object) -> StubDetector:
        calls.append(asked)
        return StubDetector()

    monkeypatch.setattr(infer, "load", load)
    return calls


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(loaded: list[tuple[object, ...]], capsys: pytest.CaptureFixture[str]) -> Run:
    """The command's exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = infer.main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


ALL = ["sub0/0.png", "sub0/2.png", "sub1/1.png", "sub1/3.png"]
OUTPUTS = [*(f"annotated/{name}" for name in ALL), "detections.jsonl", "index.html", "run.json"]


def test_a_folder_of_photos(photos: Path, run: Run, loaded: list[tuple[object, ...]]) -> None:
    code, out, _ = run(photos)
    assert code == 0
    assert loaded == [([], "auto", None, [], False, [])]
    assert files(Path("runs/photos")) == OUTPUTS
    records = list(read_detections(Path("runs/photos/detections.jsonl")))
    assert [record.id for record in records] == ALL
    assert [record.labels for record in records] == [(), ("dog",), ("dog",), ("dog",)]
    lines = [re.sub(r"[^\w./ -]", "", line).split() for line in out.splitlines()]
    assert ["sub1/3.png", "dog", "0.71"] in [line[:-1] for line in lines]  # the last column are seconds
    assert ["sub0/2.png", "-"] in [line[:-1] for line in lines]
    assert "1 detection in 4 photos" in out
    assert "look at runs/photos/index.html" in out


def test_one_photo(photos: Path, run: Run) -> None:
    assert run(photos / "sub1" / "3.png")[0] == 0
    assert files(Path("runs/3")) == ["annotated/3.png", "detections.jsonl", "index.html", "run.json"]


def test_the_same_command_again_changes_nothing(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(photos, "--out", "out")
    before = {name: Path("out", name).read_bytes() for name in files(Path("out"))}
    monkeypatch.setattr(StubDetector, "predict", lambda self, image: pytest.fail("looked at again"))
    code, out, err = run(photos, "--out", "out")
    assert code == 0
    assert "4 photos done already" in err
    assert {name: Path("out", name).read_bytes() for name in files(Path("out"))} == before
    assert "4 photos" in out


def test_another_threshold_only_draws_anew(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(photos, "--out", "out")
    plain = decode_image(Path("out/annotated/sub0/2.png"))
    detections = Path("out/detections.jsonl").read_bytes()
    monkeypatch.setattr(StubDetector, "predict", lambda self, image: pytest.fail("looked at again"))
    code, out, _ = run(photos, "--out", "out", "--threshold", "0.4")
    assert code == 0
    assert "2 detections in 4 photos" in out
    assert (decode_image(Path("out/annotated/sub0/2.png")) != plain).any()
    assert Path("out/detections.jsonl").read_bytes() == detections
    assert '"threshold": 0.4' in Path("out/index.html").read_text(encoding="utf-8")


def test_some_classes_are_shown_and_all_are_kept(photos: Path, run: Run) -> None:
    run(photos, "--out", "all", "--threshold", "0.2")
    code, out, _ = run(photos, "--out", "out", "--threshold", "0.2", "--classes", "cat", "--format", "csv,coco,yolo")
    assert code == 0
    assert "0 detections in 4 photos" in out
    assert "dog" not in out + Path("out/index.html").read_text(encoding="utf-8")
    assert Path("out/detections.csv").read_text().count("\n") == 1
    assert json.loads(Path("out/coco/detections.json").read_text()) == []
    assert Path("out/yolo/classes.txt").read_text().split() == list(StubDetector().class_names)
    labels = [record.labels for record in read_detections(Path("out/detections.jsonl"))]
    assert labels == [record.labels for record in read_detections(Path("all/detections.jsonl"))]
    assert ("dog",) in labels
    plain, boxed = (decode_image(Path(folder, "annotated/sub1/3.png")) for folder in ("out", "all"))
    assert (plain != boxed).any()
    assert "3 detections in 4 photos" in run(photos, "--out", "out", "--threshold", "0.2", "--classes", "dog")[1]
    assert (decode_image(Path("out/annotated/sub1/3.png")) != plain).any()


def test_an_unknown_class_is_refused(photos: Path, run: Run) -> None:
    code, _, err = run(photos, "--out", "out", "--classes", "dgo")
    assert code == 2
    assert "no class 'dgo'; did you mean 'dog'? There are: " in err
    assert not Path("out").exists()


CALIBRATION = Calibration(thresholds={"best-f1": {"dog": 0.3, "cat": 0.1}, "precision=0.9": {"dog": 0.6, "cat": None}})


@pytest.mark.parametrize(
    ("options", "words", "count"),
    [
        ([], "best-f1", 2),
        (["--threshold", "precision=0.90"], "precision=0.90", 1),
        (["--threshold", "0.1"], "0.1", 3),
    ],
)
def test_thresholds_that_the_model_knows(
    photos: Path, run: Run, options: list[str], words: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dogs score 0.24, 0.47 and 0.71; all of them are in the file."""
    monkeypatch.setattr(StubDetector, "calibration", CALIBRATION)
    code, out, _ = run(photos, "--out", "out", *options)
    assert code == 0
    assert f"detections that score {words} or more" in out
    assert f"{count} detection{'s' * (count > 1)} in 4 photos" in out
    assert sum(len(record.scores) for record in read_detections(Path("out/detections.jsonl"))) == 3
    page = Path("out/index.html").read_text(encoding="utf-8")
    assert ('"threshold": null' in page) == (options != ["--threshold", "0.1"])


def test_a_rule_that_the_model_does_not_know_is_told(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StubDetector, "calibration", CALIBRATION)
    code, _, err = run(photos, "--threshold", "precision=0.97")
    assert code == 2
    assert "threshold precision=0.97: neither a number nor one of the model's own: best-f1, precision=0.9" in err


def test_what_is_written_can_be_chosen(photos: Path, run: Run) -> None:
    assert run(photos, "--out", "out", "--no-page", "--no-annotate", "--format", "coco, csv,voc,ilsvrc")[0] == 0
    assert files(Path("out")) == [
        "coco/detections.json",
        "coco/images.json",
        "detections.csv",
        "detections.jsonl",
        "ilsvrc/classes.txt",
        "ilsvrc/detections.txt",
        "ilsvrc/images.txt",
        "run.json",
        "voc/comp4_det_test_cat.txt",
        "voc/comp4_det_test_dog.txt",
    ]


def test_quiet_prints_nothing(photos: Path, run: Run) -> None:
    assert run(photos, "--quiet") == (0, "", "")


def test_models_and_options_reach_the_loader_and_the_manifest(
    photos: Path, run: Run, loaded: list[tuple[object, ...]]
) -> None:
    Path("a.safetensors").write_bytes(b"weights")
    models = "--model", "a.safetensors", "--model", "other"
    options = "--top", 300, "--device", "cpu"
    assert run(photos, "--out", "out", *models, *options, "--set", "box_regression=none")[0] == 0
    assert loaded == [(["a.safetensors", "other"], "cpu", 300, [], False, ["box_regression=none"])]
    settings = json.loads(Path("out/run.json").read_bytes())["settings"]
    assert settings["model"] == [f"a.safetensors {hashlib.sha256(b'weights').hexdigest()[:16]}", "other"]
    assert (settings["top"], settings["photos"]) == (300, str(photos.absolute()))
    assert settings["detection"] == ["box_regression=none"]


@pytest.mark.parametrize("change", [["--top", "7"], ["--model", "other"], ["--set", "floor=0.1"]])
def test_a_folder_of_another_run_is_refused_and_can_be_begun_anew(photos: Path, run: Run, change: list[str]) -> None:
    run(photos, "--out", "out")
    code, out, err = run(photos, "--out", "out", *change)
    assert (code, out) == (2, "")
    assert re.fullmatch(
        r"error: out holds a run with (\w+) = .*, and this one has \1 = .*: "
        r"choose another --out, or begin anew with --overwrite\n",
        err,
    )
    assert run(photos, "--out", "out", *change, "--overwrite")[0] == 0
    assert files(Path("out")) == OUTPUTS


def test_another_model_under_the_same_name_is_refused(photos: Path, run: Run) -> None:
    Path("a.safetensors").write_bytes(b"weights")
    run(photos, "--out", "out", "--model", "a.safetensors")
    Path("a.safetensors").write_bytes(b"other weights")
    code, _, err = run(photos, "--out", "out", "--model", "a.safetensors")
    assert code == 2
    assert "out holds a run with model" in err


def test_overwrite_does_not_touch_what_no_run_wrote(photos: Path, run: Run) -> None:
    Path("site/annotated").mkdir(parents=True)
    code, _, err = run(photos, "--out", "site", "--overwrite")
    assert code == 2
    assert (
        err
        == "error: site holds annotated, which no run wrote (there is no run.json beside it): choose another --out\n"
    )


def test_results_inside_the_photos_folder_are_not_photos(photos: Path, run: Run) -> None:
    assert run(photos, "--out", photos / "out")[0] == 0
    assert run(photos, "--out", photos / "out")[0] == 0
    assert len(list(read_detections(photos / "out" / "detections.jsonl"))) == 4


@pytest.mark.parametrize("out", ["photos/out", "photos"])
def test_drawings_inside_a_data_set_are_not_photos(photos: Path, run: Run, out: str) -> None:
    for _ in range(2):
        assert run("--data", f"folder:{photos}", "--out", out)[0] == 0
    assert [record.id for record in read_detections(Path(out, "detections.jsonl"))] == ALL


def test_some_bad_photos(photos: Path, run: Run) -> None:
    hostile = "<img src=x onerror=alert(1)>.jpg"
    (photos / hostile).write_bytes(b"not a photo")
    (photos / "[red]markup\n.jpg").write_bytes(b"")
    code, out, err = run(photos, "--out", "out")
    assert code == 1
    assert len(list(read_detections(Path("out/detections.jsonl")))) == 4
    assert "4 photos" in out
    assert f"failed: {photos.absolute() / hostile}: not an image" in err
    assert "[red]markup\\n.jpg: empty file" in err
    assert "2 of 6 photos failed: see out/errors.csv" in err
    page = Path("out/index.html").read_text(encoding="utf-8")
    assert "2 photos failed" in page
    assert "<img src=x" not in page
    for path in photos.glob("*.jpg"):
        path.unlink()
    assert run(photos, "--out", "out")[0] == 0
    assert "errors.csv" not in files(Path("out"))


def test_files_that_are_left_out_are_told(photos: Path, run: Run) -> None:
    (photos / "movie.mp4").write_bytes(b"x")
    (photos / "labels.txt").write_bytes(b"x")
    assert "\n1 file left out (.mp4 1)\n" in "\n" + run(photos, "--out", "out")[2]
    assert "left out" not in run(photos, "--out", "out", "--quiet")[2]


@pytest.mark.parametrize("name", ["bad.jpg", "README.md"])
def test_only_bad_photos(photos: Path, run: Run, name: str) -> None:
    """Nothing to look at: no empty table and no page, but the reason."""
    Path(name).write_bytes(b"not a photo")
    code, out, err = run(name, "--out", "out")
    assert (code, out) == (1, "")
    reason = f"{Path(name).absolute()}: not an image, or not one of JPEG, PNG, WEBP, BMP, TIFF, GIF"
    assert err.splitlines() == [f"failed: {reason}", "no photo could be worked on (1 of 1 photo failed)"]
    assert files(Path("out")) == ["detections.jsonl", "errors.csv", "run.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_of_any_bytes(photos: Path, run: Run) -> None:
    name = os.fsdecode(b"st\xffray \xe7\x8a\xac.png")
    save_photo(photos / name, red=250)
    code, out, _ = run(photos, "--out", "out", "--format", "coco")
    assert code == 0
    assert "st\\udcffray 犬.png" in out
    assert f"annotated/{name}" in files(Path("out"))
    assert run(photos, "--out", "out")[0] == 0
    assert len(list(read_detections(Path("out/detections.jsonl")))) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["empty"], r"empty: no image there \(looked for .*\)"),
        (["photos", "--out", "photos"], "photos: the photos' own folder cannot be the one that the results go to"),
        (["photos", "--format", "xml"], "no format 'xml'; choose from coco, voc, yolo, ilsvrc, csv"),
        (["photos", "--threshold", "2"], "threshold 2: a score lies between 0 and 1"),
        (["photos", "--threshold", "best-f1"], r"threshold best-f1: give a number such as 0\.5; .*calibrate finds.*"),
        (["photos", "--top", "0"], ".*--top.*"),
        (["photos", "--nonsense"], ".*--nonsense.*--help shows examples.*"),
        ([], ".*PATH.*"),
        (["photos", "--out", "a file"], "a file is a file, not a folder: choose another --out"),
    ],
)
def test_bad_input_ends_in_one_line(photos: Path, run: Run, arguments: list[str], message: str) -> None:
    Path("empty").mkdir()
    Path("a file").write_text("x")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"error: {message}\n", err), err
    assert not Path("runs").exists()


def test_a_format_that_cannot_hold_a_name_is_refused_before_the_work(
    photos: Path, run: Run, loaded: list[tuple[object, ...]]
) -> None:
    save_photo(photos / "two\nlines.png")
    code, _, err = run(photos, "--format", "ilsvrc")
    assert code == 2
    assert "two lines.png: a name with a line break cannot stand in a text file" in err
    assert loaded == []


def test_a_format_that_cannot_hold_a_class_is_refused_before_the_work(
    photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StubDetector, "class_names", ("dog", "car/van"))
    code, _, err = run(photos, "--format", "csv,voc")
    assert code == 2
    assert err.startswith("error: class 'car/van': ")
    assert not Path("runs").exists()


def test_photos_with_blanks_in_their_names_in_every_format(photos: Path, run: Run) -> None:
    save_photo(photos / "WhatsApp Image 1.png", red=255)
    assert run(photos, "--out", "out", "--format", ",".join(FORMATS))[0] == 0
    assert "WhatsApp%20Image%201.png" in Path("out/voc/comp4_det_test_dog.txt").read_text()


def test_other_regions_are_asked_for_and_told_from_the_models_own(
    photos: Path, run: Run, loaded: list[tuple[object, ...]]
) -> None:
    changes = ["--proposals", "mode=single", "--time-limit", 2.5, "--allow-other-proposals"]
    assert run(photos, *changes, "--quiet")[0] == 0
    assert loaded[-1][-3:-1] == (["mode=single", "time_limit=2.5"], True)
    code, _, err = run(photos, "--quiet")  # the same folder, other regions
    assert code == 2
    assert "begin anew with --overwrite" in err


def test_regions_of_a_store_are_used(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Proposals(np.array([[1, 2, 3, 4]], np.float32), fallback="sliding-grid")
    monkeypatch.setattr(infer, "proposals_of", lambda *_: lambda *_: one)
    code, out, _ = run(photos, "--store", "kept")
    assert code == 0
    assert "4 photos took too long: the regions come from a fallback" in out
    lines = Path("runs/photos/detections.jsonl").read_text().splitlines()
    assert {json.loads(line)["fallback"] for line in lines} == {"sliding-grid"}
    assert any([1, 2, 3, 4] in json.loads(line)["boxes"] for line in lines)


def test_what_the_loader_refuses_is_told(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> StubDetector:
        raise ValueError("a.safetensors: this file is a classifier, not a detector")

    monkeypatch.setattr(infer, "load", refuse)
    assert run(photos) == (2, "", "error: a.safetensors: this file is a classifier, not a detector\n")
    assert not Path("runs").exists()


def test_a_full_disk(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    save = run_module.save_drawing

    def full_at_the_third(image: object, path: Path) -> None:
        if path.name == "1.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        save(image, path)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "save_drawing", full_at_the_third)
        code, _, err = run(photos, "--out", "out", "--quiet")
    assert code == 2
    assert err == (
        "error: [Errno 28] No space left on device: 'out/annotated/sub1/1.png': "
        "make room and give the same command again; what was found so far is saved\n"
    )
    assert [record.id for record in read_detections(Path("out/detections.jsonl"))] == ALL[:2]
    assert run(photos, "--out", "out")[0] == 0
    assert files(Path("out")) == OUTPUTS


def test_a_full_disk_under_the_store(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Proposals:
        raise StoreError("cannot write to the proposals store kept: No space left on device", errno.ENOSPC)

    monkeypatch.setattr(infer, "proposals_of", lambda *_: full)
    code, _, err = run(photos, "--store", "kept", "--quiet")
    assert code == 2
    assert err == (
        "error: cannot write to the proposals store kept: No space left on device: "
        "make room and give the same command again; what was found so far is saved\n"
    )


def test_a_detector_that_always_fails(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: StubDetector, image: object) -> None:
        raise RuntimeError("CUDA error")

    monkeypatch.setattr(StubDetector, "predict", fail)
    for number in range(30):
        save_photo(photos / f"more{number}.png")
    code, out, err = run(photos, "--quiet")
    assert (code, out) == (2, "")
    assert err.endswith("error: the detector failed 20 times in a row: RuntimeError CUDA error\n")


# ---- in a process of its own, with a detector that takes a tenth of a second a photo

PROGRAM = """
import sys, time
from tests.detection.datasets.trees import write_voc
from tests.detection.inference.stub import StubDetector
from detection.structures import Proposals
from tools import infer
infer.load = lambda *_: StubDetector(before=lambda image: time.sleep(0.1))
sys.exit(infer.main(sys.argv[1:]))
"""


def stopped_by(how: signal.Signals, photos: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """The command on 24 photos, stopped when some of them are done."""
    for number in range(20):
        save_photo(photos / f"more{number:02}.png", red=10 * number)
    command = [sys.executable, "-c", PROGRAM, str(photos.absolute()), "--out", str(out.absolute())]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        file = out / "detections.jsonl"
        until = time.monotonic() + 120
        while not (file.exists() and file.read_bytes().count(b"\n") >= 3) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(how)
        printed = process.communicate(timeout=120)
    return subprocess.CompletedProcess(command, process.returncode, *printed)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind")
@pytest.mark.parametrize(("options", "file"), [(["--no-annotate"], "detections.jsonl"), ([], "annotated/wide.png")])
def test_a_file_that_outgrows_its_limit_is_named_with_what_to_do(
    photos: Path, run: Run, options: list[str], file: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(photos / "wide.png")
    for number in range(20):
        save_photo(photos / f"wider{number}.png", size=(4, 3))
    command = [sys.executable, "-c", PROGRAM, str(photos.absolute()), "--out", str(Path("out").absolute()), *options]
    limited = f"ulimit -f 4; exec {shlex.join(command)}"
    ran = subprocess.run(["bash", "-c", limited], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].endswith(
        f"out/{file}': allow larger files (ulimit -f) and give the same command again; what was found so far is saved"
    )
    assert run(photos, "--out", "out", *options)[0] == 0
    assert len(list(read_detections(Path("out/detections.jsonl")))) == 25


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_run_goes_on_to_the_same_result(photos: Path, run: Run) -> None:
    assert stopped_by(signal.SIGKILL, photos, Path("out")).returncode == -signal.SIGKILL
    done = len(list(read_detections(Path("out/detections.jsonl"))))
    assert 3 <= done < 24
    code, _, err = run(photos, "--out", "out")
    assert code == 0
    assert f"{done} photos done already" in err
    run(photos, "--out", "whole")

    def results(path: str) -> list[tuple[object, ...]]:
        return [(r.id, r.labels, r.scores.tolist(), r.boxes.tolist()) for r in read_detections(Path(path))]

    assert results("out/detections.jsonl") == results("whole/detections.jsonl")
    assert files(Path("out")) == files(Path("whole"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_says_how_to_go_on(photos: Path, run: Run) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told us, and so our child, to ignore it
    stopped = stopped_by(signal.SIGINT, photos, Path("out"))
    assert stopped.returncode == 130
    assert "stopped: what was found so far is saved, and the same command goes on from there" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert run(photos, "--out", "out")[0] == 0
    assert len(list(read_detections(Path("out/detections.jsonl")))) == 24


def test_help_begins_with_commands_and_needs_no_torch() -> None:
    program = "import sys\nfrom tools import infer\ninfer.main(['--help'])\nprint('torch' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout
    assert "python tools/infer.py photos/" in shown.split("Options")[0]
    assert shown.endswith("False\n")


def test_the_photos_of_a_data_set_keep_its_ids(photos: Path, run: Run) -> None:
    write_voc(Path("VOC"), {"000007": [], "000008": []}, {"test": ["000007", "000008"]})
    code, _, _ = run("--data", "VOC:test", "--out", "found")
    assert code == 0
    assert [record.id for record in read_detections(Path("found/detections.jsonl"))] == ["000007", "000008"]


def test_data_sets_of_the_same_name_do_not_share_a_folder(
    photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same one is gone on with, from another folder and by another path."""
    top = photos.absolute().parent
    for place in ("one", "two"):
        save_photo(top / place / "co" / "a.png", red=250)
    monkeypatch.chdir(top / "one")
    assert run("--data", "co", "--out", top / "out")[0] == 0
    monkeypatch.chdir(top / "two")
    code, _, err = run("--data", "co", "--out", top / "out")
    assert code == 2
    assert "holds a run with photos = " in err
    (top / "out" / "annotated" / "a.png").unlink()
    code, _, err = run("--data", f"folder:{top / 'one' / 'co'}", "--out", top / "out")
    assert (code, "failed" in err) == (0, False)  # it is drawn again, so it was found


@pytest.mark.parametrize("arguments", [[], ["photos", "--data", "VOC"]], ids=["neither", "both"])
def test_photos_or_a_data_set(photos: Path, run: Run, arguments: list[str]) -> None:
    code, _, error = run(*arguments)
    assert code == 2
    assert "give PATHs, photos and folders, or a data set with --data, and not both" in error


# ---- what an earlier run left


def test_what_is_shown_and_written_is_of_the_photos_that_are_asked_for(photos: Path, run: Run) -> None:
    """And a photo that is gone, or not meant now, does not stand in the way of a format."""
    save_photo(photos / "cat.jpg")
    save_photo(photos / "two\nlines.png")
    assert run(photos, "--out", "out")[0] == 0
    (photos / "cat.jpg").unlink()
    (photos / "two\nlines.png").unlink()
    save_photo(photos / "cat.png")
    code, out, _ = run(photos, "--out", "out", "--format", "yolo,ilsvrc,csv,coco")
    assert code == 0
    assert "in 5 photos," in out
    assert "2 photos more in detections.jsonl, not asked for now" in out
    assert Path("out/ilsvrc/images.txt").read_text().split() == [*ALL, "cat.png"]
    labels = [name.removeprefix("yolo/labels/") for name in files(Path("out")) if "labels" in name]
    assert labels == ["cat.txt", *(name.replace("png", "txt") for name in ALL)]
    assert "cat.jpg" not in Path("out/index.html").read_text(encoding="utf-8") + Path("out/detections.csv").read_text()
    code, out, _ = run(photos / "cat.png", "--out", "out", "--format", "yolo")
    assert [name for name in files(Path("out")) if "labels" in name] == ["yolo/labels/cat.txt"]
    assert code == 0
    assert "in 1 photo," in out
    assert "6 photos more in detections.jsonl" in out
    assert "5 photos" in run(photos, "--out", "out")[1]


def test_what_is_older_than_the_detections_is_told(photos: Path, run: Run) -> None:
    run(photos, "--out", "out", "--format", "csv,coco,voc")
    assert "older" not in run(photos, "--out", "out")[1]
    time.sleep(0.05)
    save_photo(photos / "new.png")
    out = run(photos, "--out", "out", "--format", "coco")[1]
    assert "older than detections.jsonl, as not asked for now: voc, csv\n" in out
    assert "older" not in run(photos, "--out", "out", "--format", "csv,voc", "--no-page")[1]


def test_the_page_links_to_drawings_of_its_own_threshold_alone(photos: Path, run: Run) -> None:
    run(photos, "--out", "out")
    assert '"link": "annotated/sub0/0.png"' in Path("out/index.html").read_text(encoding="utf-8")
    run(photos, "--out", "out", "--threshold", "0.7", "--no-annotate")
    assert '"link": "annotated' not in Path("out/index.html").read_text(encoding="utf-8")
    run(photos, "--out", "out", "--no-annotate")
    assert '"link": "annotated/sub0/0.png"' in Path("out/index.html").read_text(encoding="utf-8")


def test_a_refused_format_does_not_leave_the_page_old(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("refused")

    monkeypatch.setattr(infer, "write_formats", refuse)
    assert run(photos, "--out", "out", "--format", "csv")[0] == 2
    assert "index.html" in files(Path("out"))


def test_folders_that_cannot_be_listed_are_not_counted_as_photos(
    photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "locked").mkdir()
    (photos / "bad.jpg").write_bytes(b"")
    lock_folders(monkeypatch)
    told: list[tuple[int, int | None]] = []
    monkeypatch.setattr(infer.Bars, "__call__", lambda self, title, done, total: told.append((done, total)))
    code, _, err = run(photos, "--out", "out")
    assert code == 1
    assert "1 of 5 photos failed and 1 folder could not be listed: see out/errors.csv" in err
    assert told[:5] == [(done, 5) for done in range(1, 6)]
    assert told[5:] == [(done, 4) for done in range(1, 5)]  # of the page


def test_a_photo_that_cannot_be_drawn_counts_once(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    save_photo(photos / "wide.png", size=(66_000, 2)).rename(photos / "wide.jpg")
    told: list[tuple[int, int | None]] = []
    monkeypatch.setattr(infer.Bars, "__call__", lambda self, title, done, total: told.append((done, total)))
    assert run(photos, "--out", "out", "--no-page")[0] == 1
    assert told[-1] == (5, 5)


def test_the_page_says_why_there_is_no_picture(photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    reopen = infer.reopen
    monkeypatch.setattr(infer, "reopen", lambda records: ((photos / "sub0" / "0.png").unlink(), reopen(records))[1])
    assert run(photos, "--out", "out")[0] == 0
    assert '"why": "no image file ' in Path("out/index.html").read_text(encoding="utf-8")


def test_what_is_compiled_once_is_compiled_before_the_first_photo(
    photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = StubDetector()
    seen_before: list[int] = []
    monkeypatch.setattr("detection.build.proposers.warm_up", lambda _: seen_before.append(detector.calls))
    monkeypatch.setattr(infer, "load", lambda *_: detector)
    assert run(photos, "--out", "out")[0] == 0
    assert run(photos, "--out", "out", "--threshold", "0.1")[0] == 0  # only to draw anew compiles nothing
    assert seen_before == [0]
