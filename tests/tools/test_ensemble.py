"""tools/ensemble.py as its users call it, from training to files that are carried."""

import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torchvision.ops import box_iou

from backbone.model_file import read_model_header
from detection.build import ensemble as ensemble_module
from detection.build import rankers
from detection.build.detector import load_detector
from detection.build.model_file import read_detector
from detection.build.stored_results import stored_results
from detection.config import Config
from detection.ensemble.judging import stored_detections
from detection.ensemble.store import Regions, open_scores
from detection.heads.region_scorer import RegionScorer
from detection.heads.scoring import RawScores
from detection.inference import models
from detection.proposals.store import ProposalStore
from tests.detection.rectangles import CLASSES, rectangles
from tests.detection.rectangles_voc import write_config, write_tree
from tools.ensemble import main

PHOTOS = rectangles(7)
pytestmark = pytest.mark.usefixtures("short_rankers")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    splits = {"train": PHOTOS.ids[:4], "val": PHOTOS.ids[4:]}
    return write_tree(tmp_path_factory.mktemp("data") / "VOC", PHOTOS, splits)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("configs"), training={"steps": 3, "checkpoint_every": 1})


def train(config: Path, data: Path, out: Path, members: int, *more: str) -> int:
    arguments = ["train", config, "--data", data, "--out", out, "--store", out.parent / "kept", "--members", members]
    return main([*map(str, arguments), "--devices", "cpu", "--quiet", *more])


@pytest.fixture(scope="module")
def trained(config: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three members, trained in one go."""
    out = tmp_path_factory.mktemp("runs") / "three"
    assert train(config, data, out, 3) == 0
    return out


@pytest.fixture(scope="module")
def scored(trained: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scores of the three on the validation photos."""
    out = tmp_path_factory.mktemp("scores") / "val"
    assert main(["score", str(trained), *to_score(data, out)]) == 0
    return out


def to_score(data: Path, out: Path) -> list[str]:
    return [
        "--data",
        f"{data}:val",
        "--out",
        str(out),
        "--store",
        str(out.parent / "kept"),
        "--device",
        "cpu",
        "--quiet",
    ]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command with arguments, which succeeds; what it prints."""

    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    *notes, error = capsys.readouterr().err.strip().splitlines()
    assert all("no split named" in note for note in notes)
    assert error.startswith("error:")
    return error


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)


def same(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return all(torch.equal(first[name], second[name]) for name in first | second)


def test_members_are_runs_that_differ_in_the_seed_alone(trained: Path) -> None:
    folders = [trained / f"member-{number}" for number in (1, 2, 3)]
    configs = [yaml.safe_load((folder / "config.yaml").read_text()) for folder in folders]
    assert [one["training"].pop("seed") for one in configs] == [0, 1, 2]
    assert configs[0] == configs[1] == configs[2]
    files = [folder / "last.safetensors" for folder in folders]
    assert not same(files[0], files[1])
    regions = [(folder / "regions.npz").read_bytes() for folder in folders]
    assert regions[0] == regions[1] == regions[2]


def test_a_finished_member_is_left_alone_and_one_is_added(
    trained: Path, config: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    shutil.copytree(trained, out)
    for file in ("last.safetensors", "checkpoint.pt", "config.yaml"):
        (out / "member-3" / file).unlink(missing_ok=True)
    shutil.rmtree(out / "member-3")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    monkeypatch.setattr(rankers, "cross_selected", lambda *_: pytest.fail("the others' regions are there"))
    assert train(config, data, out, 3) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert same(out / "member-3/last.safetensors", trained / "member-3/last.safetensors")


def test_a_killed_training_ends_as_if_it_had_not_been(
    trained: Path, config: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the second member, after its second step of three."""
    whole = ensemble_module.Members.train

    def killed(self, number, device, report, told):  # type: ignore[no-untyped-def]
        def stop(number: int, progress: object) -> None:
            if number == 2 and progress.step >= 2:  # type: ignore[attr-defined]
                raise KeyboardInterrupt
            told(number, progress)

        return whole(self, number, device, report, stop)

    with monkeypatch.context() as patch:
        patch.setattr(ensemble_module.Members, "train", killed)
        code = train(config, data, tmp_path / "run", 2)
    assert code == 130
    assert (tmp_path / "run/member-1/last.safetensors").exists()
    assert not (tmp_path / "run/member-2/last.safetensors").exists()
    assert train(config, data, tmp_path / "run", 2) == 0
    for number in (1, 2):
        file = f"member-{number}/last.safetensors"
        assert same(tmp_path / "run" / file, trained / file)


def test_a_member_of_another_config_or_data_is_told(
    trained: Path, config: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", config, "--out", trained, "--members", 2, "--devices", "cpu", "--quiet", "--data"]
    error = fails(capsys, *arguments, data, "--set", "training.steps=9")
    assert error.endswith("member-1 was begun with another config: training.steps 3 there, 9 here")
    other = write_tree(tmp_path / "VOC", PHOTOS, {"train": PHOTOS.ids[:3]})
    assert "member-1 was begun with other photos or annotations" in fails(capsys, *arguments, other)


def test_settings_of_detection_are_refused_alike_of_members_that_are_finished_and_that_are_not(
    trained: Path, config: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And before any member is trained."""
    (tmp_path / "six").mkdir()
    shutil.copytree(trained / "member-1", tmp_path / "six/member-1")
    shutil.copytree(trained / "member-2", tmp_path / "six/member-2")
    (tmp_path / "six/member-2/last.safetensors").unlink()
    arguments = ["train", config, "--data", data, "--out", tmp_path / "six", "--devices", "cpu", "--quiet"]
    arguments += ["--set", "detection.suppression=0.5", "--members"]
    said = "was begun with another config: detection.suppression 0.3 there, 0.5 here: leave it as it is; "
    assert f"member-1 {said}of trained members tools/ensemble.py pack --set" in fails(capsys, *arguments, 1)
    shutil.rmtree(tmp_path / "six/member-1")
    assert f"member-2 {said}" in fails(capsys, *arguments, 2)
    assert not (tmp_path / "six/member-1").exists()


@pytest.mark.slow
def test_two_devices_train_side_by_side(config: Path, data: Path, tmp_path: Path) -> None:
    for devices in ("cpu", "cpu,cpu"):
        assert train(config, data, tmp_path / devices, 3, "--devices", devices, "--set", "ranking.top=null") == 0
    for number in (1, 2, 3):
        file = f"member-{number}/last.safetensors"
        assert same(tmp_path / "cpu,cpu" / file, tmp_path / "cpu" / file)


def test_members_side_by_side_have_their_regions_and_no_more(
    config: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four photos to train on, and of three to validate on the one that each of two members looks at."""
    filled: list[list[str]] = []

    def fill(_: object, paths: list[Path], **__: object) -> None:
        filled.append([path.stem for path in paths])

    monkeypatch.setattr(ProposalStore, "fill", fill)
    monkeypatch.setattr(ensemble_module, "_in_a_process", lambda members, number, _: members.folder(number))
    few = ["--set", "data.validation_split=val", "--set", "training.validation_images=1"]
    assert train(config, data, tmp_path / "run", 2, "--devices", "cpu,cpu", *few) == 0
    training, validation = filled
    assert training == list(PHOTOS.ids[:4])
    samples = [np.random.default_rng(seed).permutation(3)[0] for seed in (0, 1)]
    assert validation == [PHOTOS.ids[4 + number] for number in sorted(set(samples))]


def test_a_member_that_fails_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(ThreadPoolExecutor):
        def submit(self, *_: object, **__: object) -> Future[Path]:  # type: ignore[override]
            return super().submit(lambda: 1 // 0)

    monkeypatch.setattr(ensemble_module, "ProcessPoolExecutor", lambda count, **_: Broken(count))
    free: SimpleQueue[str] = SimpleQueue()
    free.put("cpu")
    members = ensemble_module.Members(Config(), "data", tmp_path, tmp_path / "six")
    with pytest.raises(ZeroDivisionError):
        ensemble_module._in_a_process(members, 3, free)
    assert f"{tmp_path / 'six/member-3'}: integer division" in caplog.text
    assert free.get_nowait() == "cpu"


def test_stored_scores_are_those_of_the_detector(trained: Path, scored: Path) -> None:
    store = open_scores(scored)
    assert [name.rsplit("-", 1)[0] for name in store.members] == ["member-1", "member-2", "member-3"]
    detector = load_detector(trained, device="cpu")
    for number, image in enumerate(PHOTOS.images[4:]):
        regions = store.regions(number)
        assert regions is not None
        chosen = detector.select(image, detector.proposer(image))
        assert np.array_equal(regions.boxes, chosen.boxes)
        each = [store.read(member, number) for member in store.members]
        own = detector.scorer(image, chosen.boxes)
        assert torch.allclose(sum(one.softmax for one in each) / 3, own.scores, atol=1e-6)
        assert torch.allclose(sum(one.learned for one in each) / 3, own.boxes, atol=1e-3)


def test_a_member_that_comes_later_and_a_killed_scoring_give_the_same(
    trained: Path, scored: Path, data: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [trained / f"member-{number}/last.safetensors" for number in (1, 2, 3)]
    calls = []
    score = RegionScorer.raw

    def twice(self, *arguments):  # type: ignore[no-untyped-def]
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return score(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(RegionScorer, "raw", twice)
        assert main(["score", str(files[0]), str(files[1]), *to_score(data, tmp_path / "s")]) == 130
    run("score", files[0], files[1], *to_score(data, tmp_path / "s"))
    run("score", files[2], *to_score(data, tmp_path / "s"))  # on the regions of the first
    assert sorted(path.relative_to(tmp_path / "s") for path in (tmp_path / "s").rglob("*.npz")) == sorted(
        path.relative_to(scored) for path in scored.rglob("*.npz")
    )
    one, other = open_scores(scored), open_scores(tmp_path / "s")
    for member in one.members:
        for number in range(3):
            for first, second in zip(one.read(member, number), other.read(member, number), strict=True):
                assert (first is None) == (second is None)
                assert first is None or torch.allclose(first, second, atol=1e-5)


def test_only_the_first_model_chooses_regions(
    trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    files = [trained / f"member-{number}/last.safetensors" for number in (1, 2)]
    run("score", files[0], *to_score(data, tmp_path / "s"))
    (tmp_path / "s/regions/000001.npz").unlink()
    error = fails(capsys, "score", files[1], *to_score(data, tmp_path / "s"))
    assert "photo5 has no regions yet: score with member-1-" in error


def test_the_report_stands_beside_the_paper(scored: Path, data: Path, tmp_path: Path, run: Run) -> None:
    out = run("report", scored, "--data", data, "--split", "val", "--protocol", "voc10", "--json", tmp_path / "r.json")
    assert "voc10, 3 photos; the paper, six models on ILSVRC 2014: 40% to 43.9% (section 8)" in out
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    kinds = [(row["kind"], row["choices"]) for row in rows]
    assert kinds == [("single", 1)] * 3 + [("averaged", 3), ("averaged", 3), ("averaged", 1)] + [("left out", 1)] * 3
    singles = [row["mean_ap"] for row in rows[:3]]
    assert rows[3]["mean_ap"] == pytest.approx(sum(singles) / 3)
    assert rows[5]["gain"]["difference"]["value"] == pytest.approx(rows[5]["mean_ap"] - rows[3]["mean_ap"])


def test_a_class_that_the_split_does_not_show_is_undefined(
    scored: Path, data: Path, trained: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data set knows it from other splits; where it does not, the class is refused."""
    shutil.copytree(data, tmp_path / "VOC")
    for number in range(7):
        file = tmp_path / "VOC/Annotations" / f"{PHOTOS.ids[number]}.xml"
        kept = file.read_text().replace("blue", "green") if number == 0 else file.read_text()
        file.write_text(re.sub("<object><name>blue.*?</object>", "", kept) if number > 3 else kept)
    asked = [scored, "--data", tmp_path / "VOC", "--split", "val", "--protocol", "voc10"]
    out = run("report", *asked, "--json", tmp_path / "r.json")
    assert "nan" not in out
    (blue,) = [line for line in out.splitlines() if line.startswith("│ blue")]
    assert [cell.strip() for cell in blue.strip("│").split("│")] == ["blue", "-", "-"]
    assert json.loads((tmp_path / "r.json").read_text())["rows"][0]["mean_ap"] is not None
    assert "suppression=0.2" in run("settings", *asked, "--try", "suppression=0.2")
    for file in (tmp_path / "VOC/Annotations").iterdir():
        file.write_text(file.read_text().replace("blue", "green"))
    assert "no class 'blue', which the models know; there are: red" in fails(capsys, "report", *asked)


@pytest.fixture(scope="module")
def informed(scored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, had the members known the objects: a score is by how much a region overlaps one."""
    folder = tmp_path_factory.mktemp("scores") / "informed"
    shutil.copytree(scored, folder)
    store = open_scores(folder)
    order = [CLASSES.index(name) for name in store.class_names]
    for number, target in enumerate(PHOTOS.targets[4:]):
        regions = store.regions(number)
        assert regions is not None
        boxes = np.concatenate([regions.boxes, target.boxes + 1, target.boxes])
        store.save_regions(number, Regions(boxes, regions.size))
        overlaps = box_iou(torch.from_numpy(boxes), torch.from_numpy(target.boxes))
        for member in store.members:
            store.save(member, number, RawScores(overlaps[:, order] * (0.9, 0.9, 0.3)[number]))
    return folder


def test_settings_are_tried_and_the_best_stand_first(informed: Path, data: Path, run: Run) -> None:
    tries = ["--try", "suppression=0.3,1.0", "--try", "voting=null,0.5"]
    out = run("settings", informed, "--data", data, "--split", "val", "--protocol", "voc10", *tries)
    rows = [line.split("│") for line in out.splitlines() if "suppression=" in line]
    figures = [float(row[2]) for row in rows]
    assert len(figures) == 4
    assert figures == sorted(figures, reverse=True)
    assert (figures[0], "suppression=0.3" in rows[0][1]) == (1.0, True)
    assert figures[-1] < 0.9


def test_settings_are_tried_with_each_other_even_where_one_needs_the_other(
    informed: Path, data: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Support counts votes: without voting it changes nothing, and alone it is refused."""
    shared = [informed, "--data", data, "--split", "val", "--protocol", "voc10"]
    out = run("settings", *shared, "--try", "voting=null,0.5", "--try", "support=false,true")
    figures = {row[1].strip(): row[2] for line in out.splitlines() if len(row := line.split("│")) > 2}
    assert figures["voting=null support=true"] == figures["voting=null support=false"]
    assert "voting=0.5 support=true" in figures
    assert "without detection.voting there are no votes" in fails(capsys, "report", *shared, "--set", "support=true")


def test_fewer_regions_are_as_if_no_more_had_been_scored(
    trained: Path, scored: Path, data: Path, tmp_path: Path, run: Run
) -> None:
    few = tmp_path / "few"
    run("score", trained, *to_score(data, few), "--top", 3)
    report = ["--data", data, "--split", "val", "--protocol", "voc10"]
    assert run("report", scored, *report, "--top", 3) == run("report", few, *report)

    def found(scores: Path, top: int | None = None) -> list[list[float]]:
        results = stored_results(scores, str(data), "val", "voc10", top)
        wanted = [(tuple(results.store.members), results.settings(["floor=0.0001"]))]
        (photos,) = stored_detections(results.store, range(3), wanted)
        return [photo.scores.tolist() for photo in photos]

    for one, other in zip(found(scored, 3), found(few), strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert sum(map(len, found(scored))) > sum(map(len, found(few)))


def test_a_calibration_goes_into_the_first_file_and_with_the_ensemble(
    trained: Path,
    informed: Path,
    data: Path,
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    members = tmp_path / "run"
    shutil.copytree(trained, members)
    first = members / "member-1/last.safetensors"
    out = run("calibrate", members, "--scores", informed, "--data", data, "--split", "val")
    assert f"written into {first}" in out
    assert same(first, trained / "member-1/last.safetensors")
    fitted = read_detector(first).calibration
    assert fitted is not None
    assert (fitted.models, fitted.facts["photos"]) == (3, 3)
    run("calibrate", members, "--scores", informed, "--data", data, "--split", "val")  # its weights are known again
    packed = run("pack", members, "--int8", "--out", tmp_path / "packed", "--name", "trio")
    assert f"try it: python tools/infer.py PHOTOS --model {tmp_path / 'packed' / 'trio.txt'}" in packed
    assert main(["pack", str(members), "--out", str(tmp_path / "other"), "--set", "suppression=0.2"]) == 0
    assert "left out: the calibration, which is of other settings or of 3 models" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(models, "_bundled_folder", lambda: tmp_path)
        arguments = ("calibrate", members, "--scores", informed, "--data", data, "--split", "val")
        assert "comes with the package: copy it" in fails(capsys, *map(str, arguments))
    monkeypatch.setattr(models, "_bundled_folder", lambda: tmp_path / "packed")
    carried = load_detector("trio", device="cpu")
    assert len(carried.scorer.members) == 3
    assert carried.calibration == fitted
    assert load_detector(first, device="cpu").calibration is None  # it is of three models
    image = PHOTOS.images[5]
    plain = load_detector(trained, device="cpu").predict(image)
    found = carried.predict(image)
    assert found.scores.max() == pytest.approx(float(fitted(plain).scores.max()), abs=0.05)
    assert len(carried.confident(found)) <= len(found)


def test_packed_files_say_what_they_are(trained: Path, tmp_path: Path, run: Run) -> None:
    out = run("pack", trained, "--out", tmp_path, "--name", "trio")
    assert "3 models, " in out
    files = [f"trio/member-{number}.safetensors" for number in (1, 2, 3)]
    assert (tmp_path / "trio.txt").read_text().splitlines() == files
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*.safetensors"))] == files
    assert len(load_detector(tmp_path / "trio.txt", device="cpu").scorer.members) == 3
    run("pack", trained, "--out", tmp_path / "other", "--name", "trio", "--set", "voting=0.5", "--set", "support=true")
    assert load_detector(tmp_path / "other/trio/member-1.safetensors", device="cpu").suppression.support
    header = read_model_header(tmp_path / "trio/member-2.safetensors")
    assert header["provenance"] == read_model_header(trained / "member-2/last.safetensors")["provenance"]
    assert "/" not in header["config"]["backbone"]["weights"]  # of somebody's disk


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "{data}", "--data", "{data}"], "no region scores of tools/ensemble.py"),
        (["report", "{scored}", "--data", "{data}", "--split", "train"], "4 of the 4 photos have no scores"),
        (["report", "{scored}", "--data", "{data}", "--split", "val", "--protocol", "voc08"], "no protocol 'voc08'"),
        (
            ["report", "{scored}", "--data", "{data}", "--split", "val", "--protocol", "voc07,voc10"],
            "--protocol voc07,voc10: choose one, voc07 or voc10",
        ),
        (["report", "{scored}", "--data", "{data}", "--split", "val", "--set", "scores=svm"], "scores=svm needs what"),
        (["report", "{scored}", "--data", "{data}", "--split", "val", "--set", "supression=1"], "did you mean"),
        (
            ["report", "{scored}", "--data", "{data}", "--split", "val", "--top", "13"],
            "12 regions of a photo were scored",
        ),
        (["settings", "{scored}", "--data", "{data}", "--split", "val", "--try", "voting"], "expected KEY=VALUE,VALUE"),
        (["score", "{data}", "--data", "{data}", "--out", "new"], "no model file"),
        (["score", "{trained}", "--data", "{data}:train", "--out", "{scored}"], "scores of 3 other photos"),
        (
            ["score", "{trained}", "--data", "{data}:val", "--out", "{scored}", "--top", "3"],
            "top = 12, these have 3",
        ),
        (["calibrate", "voc5", "--scores", "{scored}", "--data", "{data}", "--split", "val"], "no scores of"),
        (["pack", "nothing", "--out", "new"], "no model file nothing"),
        (["train", "nothing.yaml", "--data", "{data}", "--out", "new"], "no config file nothing.yaml"),
        (["train", "{config}", "--data", "{data}", "--out", "new", "--devices", "tpu"], "unknown device 'tpu'"),
    ],
)
def test_bad_input_ends_in_one_line(
    arguments: list[str],
    words: str,
    config: Path,
    data: Path,
    trained: Path,
    scored: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"config": config, "data": data, "trained": trained, "scored": scored}
    assert words in fails(capsys, *(argument.format(**places) for argument in arguments))
    assert not Path("new").exists()


def test_help_begins_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "python tools/ensemble.py train configs/voc5.yaml --data" in capsys.readouterr().out
