"""What a run removes: what it wrote, and nothing else."""

import json
from pathlib import Path

import pytest

from detection.converters.whole_file import part_of
from detection.inference.folder import open_run
from detection.inference.outputs import remove_outputs

WRITTEN = [
    "annotated/a.jpg", "annotated/sub/b.jpg", "errors.csv", "index.html", "index-2.html", "index-10.html",
    "detections.csv", "coco/detections.json", "coco/images.json", "voc/comp4_det_test_cat.txt", "yolo/classes.txt",
    "yolo/labels/a.txt", "yolo/labels/sub/b.txt", "ilsvrc/detections.txt", "ilsvrc/images.txt", "ilsvrc/classes.txt",
]  # fmt: skip
MINE = [
    "annotated/mine.jpg", "annotated/sub/deep/mine.txt", "index-of-all.html", "coco/mine.json", "voc/mine.txt",
    "yolo/labels/mine.txt", "mine/photo.jpg", "ilsvrc/sub/images.txt",
]  # fmt: skip
IDS = ["a.jpg", "sub/b.jpg"]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def fill(folder: Path, names: list[str], ids: list[str] = IDS) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "detections.jsonl").write_text("".join(json.dumps({"id": id}) + "\n" for id in ids))


def test_all_that_a_run_wrote_goes_and_no_empty_folder_stays(tmp_path: Path) -> None:
    fill(tmp_path, WRITTEN)
    remove_outputs(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_was_writing_goes_too(tmp_path: Path) -> None:
    half = [part_of(tmp_path / name).relative_to(tmp_path).as_posix() for name in WRITTEN]
    fill(tmp_path, [*WRITTEN, *half, "annotated/.mine.part"])
    remove_outputs(tmp_path)
    assert [name for name in files(tmp_path) if "/" in name] == ["annotated/.mine.part"]


def test_a_folder_may_be_named_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    for name in ("run", "../run", "../here/../run"):
        monkeypatch.chdir(tmp_path)
        fill(tmp_path / "run", WRITTEN)
        monkeypatch.chdir(tmp_path if name == "run" else tmp_path / "here")
        remove_outputs(Path(name))
        assert files(tmp_path) == []


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    fill(tmp_path, [*WRITTEN, *MINE])
    remove_outputs(tmp_path)
    assert files(tmp_path) == sorted(MINE)


@pytest.mark.parametrize("ids", [["../mine.jpg"], ["sub/../../../mine.jpg"], ["/etc/mine"]])
def test_nothing_outside_the_folder_is_removed(tmp_path: Path, ids: list[str]) -> None:
    (tmp_path / "mine.jpg").write_text("x")
    fill(tmp_path / "run", ["annotated/a.jpg", "mine.jpg"], ids)
    remove_outputs(tmp_path / "run")
    assert files(tmp_path) == ["mine.jpg", "run/annotated/a.jpg", "run/mine.jpg"]


def test_a_damaged_file_of_detections_can_be_begun_anew(tmp_path: Path) -> None:
    fill(tmp_path, WRITTEN)
    with (tmp_path / "detections.jsonl").open("a") as file:
        file.write('[]\n"\n{"id"\n')
    remove_outputs(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_to_begin_anew_leaves_the_files_of_others(tmp_path: Path) -> None:
    with open_run(tmp_path, {"top": None}):
        fill(tmp_path, [*WRITTEN, *MINE])
    with open_run(tmp_path, {"top": 7}, overwrite=True) as folder:
        assert json.loads(folder.manifest.read_bytes())["settings"] == {"top": 7}
    assert files(tmp_path) == sorted([*MINE, "run.json"])
