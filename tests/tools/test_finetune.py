"""tools/finetune.py: bad input ends in one line, and a whole run makes a detector."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from detection.build import run_folder, sources
from detection.build.detector import load_detector
from detection.build.experiment import Experiment
from detection.converters.locked_folder import locked_folder
from detection.proposals.store import ProposalStore
from detection.structures import Proposals
from tests.detection.rectangles import CLASSES, propose, rectangles, small_config, write_backbone
from tools.finetune import main

PHOTOS = rectangles(6)


def object_xml(label: int, box: list[float]) -> str:
    x1, y1, x2, y2 = map(int, box)
    corners = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return f"<object><name>{CLASSES[label]}</name><bndbox>{corners}</bndbox></object>"


def write_photos(root: Path) -> Path:
    """A VOC year folder of six photos: four to train on, two to validate."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    for image_id, image, target in zip(PHOTOS.ids, PHOTOS.images, PHOTOS.targets, strict=True):
        Image.fromarray(image).save(root / "JPEGImages" / f"{image_id}.png")
        objects = map(object_xml, target.labels, target.boxes.tolist())
        (root / "Annotations" / f"{image_id}.xml").write_text(f"<annotation>{''.join(objects)}</annotation>")
    for split, ids in (("train", PHOTOS.ids[:4]), ("val", PHOTOS.ids[4:])):
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(ids) + "\n")
    return root


@pytest.fixture(scope="module")
def voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("data") / "VOC")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("configs")
    weights = write_backbone(folder / "narrow.safetensors")
    settings = small_config(weights, data={"train_split": "train"}, proposals={"mode": "single", "width": 96})
    path = folder / "small.yaml"
    path.write_text("# a small one\n" + yaml.safe_dump(settings.model_dump(mode="json")))
    return path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs without --out or --store write below the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def given_proposals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows instead of selective search, which is compiled at its first call."""
    monkeypatch.setattr(sources.ProposalStore, "fill", lambda self, paths, report: propose(PHOTOS)[: len(paths)])


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a run with bad input ends in; only warnings may stand before it."""
    assert main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    *warnings, last = captured.err.strip().splitlines()
    assert captured.out == ""
    assert all("no annotations there" in line for line in warnings)
    assert last.startswith("error: ")
    return last


def test_a_whole_run_makes_a_detector_and_explains_itself(
    voc: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With selective search itself, through the store."""
    arguments = [str(config), "--data", str(voc), "--out", "mine", "--store", "kept", "--device", "cpu"]
    assert main([*arguments, "--set", "data.validation_split=val"]) == 0
    told = capsys.readouterr()
    assert "try it: python tools/infer.py PHOTOS --model mine/last.safetensors" in told.out
    assert "the best on the validation photos: mine/best.safetensors" in told.out
    assert re.search(r"step 2: mAP [01]\.\d{4} \(VOC07\) of 2 validation photos, kept as best", told.err)
    detector = load_detector("mine/last.safetensors", device="cpu")
    assert detector.class_names == tuple(sorted(CLASSES))
    detector.predict(PHOTOS.images[0])
    measured = [json.loads(line) for line in Path("mine/metrics.jsonl").read_text().splitlines()]
    assert [line["photos"] for line in measured if "validation_voc07" in line] == [2, 2]
    assert load_detector("mine/best.safetensors", device="cpu").class_names == detector.class_names
    manifest = json.loads(Path("mine/manifest.json").read_text())
    assert (manifest["source"], manifest["photos"], manifest["device"]) == (str(voc), 4, "cpu")
    assert yaml.safe_load(Path("mine/config.yaml").read_text())["data"]["validation_split"] == "val"
    assert str(voc) not in Path("mine/last.safetensors").read_bytes()[:20_000].decode("latin-1")
    assert len(list(Path("kept").rglob("*"))) > 0


@pytest.mark.usefixtures("given_proposals")
def test_the_folder_is_named_after_the_config_and_a_run_is_not_overwritten(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless torchrun has started the command again: then it goes on."""
    arguments = [str(config), "--data", str(voc), "--device", "cpu", "--quiet"]
    assert main(arguments) == 0
    assert capsys.readouterr() == ("", "")
    last = Path("runs/small/last.safetensors")
    before = last.read_bytes()
    assert "runs/small holds a run already: --resume goes on with it" in fails(capsys, *arguments)
    with monkeypatch.context() as patch:
        patch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
        assert main(arguments) == 0
    assert "(training.steps 4 there, 5 here)" in fails(capsys, *arguments, "--resume", "--set", "training.steps=5")
    assert main([*arguments, "--resume"]) == 0
    assert last.read_bytes() == before


@pytest.mark.usefixtures("given_proposals")
def test_a_run_that_is_stopped_goes_on(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(config), "--data", str(voc), "--device", "cpu", "--quiet"]

    def stop(*args: object, **kwargs: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "run", stop)
        assert main(arguments) == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    assert Path("runs/small/last.safetensors").exists()


@pytest.mark.usefixtures("given_proposals")
def test_a_run_does_not_go_on_with_other_photos(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = [str(config), "--data", str(voc), "--device", "cpu", "--quiet"]
    assert main(arguments) == 0
    lists = voc / "ImageSets" / "Main"
    (lists / "more.txt").write_text("\n".join(PHOTOS.ids[:5]) + "\n")
    other = [str(config), "--data", f"{voc}:train", "--device", "cpu", "--quiet", "--resume"]
    assert main(other) == 0
    (lists / "train.txt").write_text((lists / "more.txt").read_text())
    try:
        assert "begun with other photos or annotations" in fails(capsys, *arguments, "--resume")
    finally:
        (lists / "train.txt").write_text("\n".join(PHOTOS.ids[:4]) + "\n")


@pytest.mark.usefixtures("given_proposals")
def test_a_run_does_not_go_on_with_other_objects_to_validate_on(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(config), "--data", str(voc), "--device", "cpu", "--quiet", "--set", "data.validation_split=val"]
    assert main(arguments) == 0
    file = voc / "Annotations" / f"{PHOTOS.ids[5]}.xml"
    before = file.read_text()
    file.write_text(before.replace("</object>", "<difficult>1</difficult></object>", 1))
    try:
        assert "other photos or annotations to validate on" in fails(capsys, *arguments, "--resume")
        assert "other photos or annotations to validate on" in fails(capsys, *arguments[1:5], "--verify", "runs/small")
    finally:
        file.write_text(before)
    assert main([*arguments, "--resume"]) == 0


@pytest.mark.usefixtures("given_proposals")
def test_a_run_is_replayed(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal; then with a line of its trace changed, and with other code."""
    arguments = ["--data", str(voc), "--device", "cpu"]
    assert main([str(config), *arguments, "--out", "mine", "--deterministic", "--quiet"]) == 0
    before = {path: path.read_bytes() for path in Path("mine").rglob("*") if path.is_file()}
    replay = [*arguments, "--verify", "mine", "--steps", "3"]
    assert main(replay) == 0
    assert "equal: the first 3 steps of mine have the same bits" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("mine").rglob("*") if path.is_file()} == before
    trace = Path("mine/trace.jsonl")
    first, second, *others = trace.read_text().splitlines(keepends=True)
    trace.write_text(first + second.replace("0x1.", "0x1.0") + "".join(others))
    monkeypatch.setattr(run_folder, "sources_hash", lambda: "other code")
    assert main(replay) == 1
    said = capsys.readouterr().err
    assert "step 2 differs: loss" in said
    assert "mine was made with other sources: " in said
    manifest = json.loads(Path("mine/manifest.json").read_text())
    assert manifest["deterministic"]
    assert manifest["threads"] == torch.get_num_threads()
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.usefixtures("given_proposals")
def test_what_has_changed_when_a_run_goes_on_is_told_and_kept(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(config), "--data", str(voc), "--device", "cpu", "--quiet"]
    assert main(arguments) == 0
    begun = json.loads(Path("runs/small/manifest.json").read_text())
    monkeypatch.setattr(run_folder, "sources_hash", lambda: "other code")
    for _ in range(2):
        assert main([*arguments, "--resume"]) == 0
    assert capsys.readouterr().err.count("runs/small was begun with other sources: its bits may differ") == 1
    assert json.loads(Path("runs/small/manifest.json").read_text()) == {**begun, "later": [{"sources": "other code"}]}


def test_what_is_to_be_replayed_must_be_a_run_and_stays_as_it_was(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", voc]
    assert "name either a CONFIG to train by or a run to replay" in fails(capsys, *data)
    assert "name either a CONFIG" in fails(capsys, config, *data, "--verify", "mine")
    assert "no run in mine to replay" in fails(capsys, *data, "--verify", "mine")
    assert "leave out --set and --deterministic" in fails(capsys, *data, "--verify", "mine", "--deterministic")
    Path("mine").mkdir()
    Path("mine/config.yaml").write_text(config.read_text())
    for option in (["--out", "other"], ["--resume"]):
        assert "leave out --out and --resume" in fails(capsys, *data, "--verify", "mine", *option)


def test_the_length_of_a_training_is_a_setting(voc: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fails(capsys, config, "--data", voc, "--steps", "5")
    assert "--steps is how much --verify replays; the length of a training is --set training.steps=N" in said
    assert not Path("runs").exists()


def test_half_precision_on_a_cpu_is_refused(voc: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["--data", voc, "--device", "cpu", "--set", "training.precision=fp16"]
    assert "training.precision: fp16 is for CUDA devices" in fails(capsys, config, *wanted)


def test_a_config_that_cannot_be_used_is_told(voc: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", voc]
    assert "no config file nothing.yaml" in fails(capsys, "nothing.yaml", *data)
    Path("wrong.yaml").write_text("training:\n  stepz: 5\n")
    assert "wrong.yaml, line 2: training has no key 'stepz'; did you mean 'steps'?" in fails(
        capsys, "wrong.yaml", *data
    )
    assert "training has no key 'stepz'" in fails(capsys, config, *data, "--set", "training.stepz=5")
    assert "got 'many'" in fails(capsys, config, *data, "--set", "training.steps=many")
    assert not Path("runs").exists()


FAULTS = {
    "no data": (["--data", "nowhere"], "no file or folder nowhere"),
    "no such split": (["--data", "{voc}:test"], "test"),
    "unknown class": (["--data", "{voc}", "--set", "data.class_names=[red, zebra]"], "no class 'zebra'"),
    "photos without annotations": (["--data", "{voc}/JPEGImages", "--set", "data.train_split=null"], "hold no object"),
    "no such weights": (["--data", "{voc}", "--set", "backbone.weights=other"], "no published weights of that name"),
    "weights of something else": (
        ["--data", "{voc}", "--set", "backbone.weights={voc}/Annotations/photo0.xml"],
        "neither",
    ),
    "no such device": (["--data", "{voc}", "--device", "tpu"], "unknown device 'tpu'; choose auto, cpu"),
    "all context": (["--data", "{voc}", "--set", "regions.context=32"], "64 pixels cannot have 32 pixels of context"),
    "nothing to resume": (["--data", "{voc}", "--resume"], "no run in runs/small to resume"),
    "data are missing": ([], "--data"),
    "the same photos twice": (
        ["--data", "{voc}", "--set", "data.validation_split=train"],
        "4 of the validation photos",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_bad_input_ends_in_one_line_and_leaves_no_run_behind(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    found = fails(capsys, config, *(argument.replace("{voc}", str(voc)) for argument in arguments))
    assert message in found
    assert not Path("runs/small").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_runs_at_once_in_one_folder_are_refused(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine").mkdir()
    with locked_folder(Path("mine")):
        told = fails(capsys, config, "--data", voc, "--out", "mine", "--device", "cpu", "--quiet")
    assert "mine is in use by another process: wait for it, or choose another --out" in told
    assert list(Path("mine").iterdir()) == []


def test_a_folder_that_is_a_file_is_told(voc: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("")
    assert "taken is a file; a run needs a folder" in fails(capsys, config, "--data", voc, "--out", "taken")


def test_a_photo_that_cannot_be_read_stops_the_run_in_one_line(
    voc: Path, config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = voc / "JPEGImages" / "photo2.png"
    whole = photo.read_bytes()
    monkeypatch.setattr(ProposalStore, "fill", lambda self, paths, report: [Proposals([[0, 0, 9, 9]])] * len(paths))
    try:
        photo.write_bytes(whole[: len(whole) // 2])
        assert "photo2.png" in fails(capsys, config, "--data", voc, "--device", "cpu", "--quiet")
    finally:
        photo.write_bytes(whole)


def test_help_begins_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "python tools/finetune.py configs/voc5.yaml --data" in capsys.readouterr().out
