"""The command: exit codes, screen, JSON, and that it touches nothing."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from detection.proposals.fixed import SlidingGrid
from tests.detection.doctor.planted import (
    OBJECTS,
    annotate,
    encoded,
    photo_of,
    save,
    sound_coco,
    sound_ilsvrc,
    sound_voc,
)
from tools.doctor import main

SOUND = {"voc": sound_voc, "coco": sound_coco, "ilsvrc": sound_ilsvrc}


@pytest.fixture
def ill(tmp_path: Path) -> Path:
    """An error, a warning and a note."""
    root = sound_voc(tmp_path / "pets")
    (root / "JPEGImages/a0.jpg").write_bytes(b"")
    save(root / "JPEGImages/b1.jpg", encoded(photo_of("a1"), 60))
    annotate(root / "Annotations/a2.xml", [*OBJECTS, ("cat", 1, 1, 64, 48)])
    return root


def state(folder: Path) -> dict[Path, tuple[object, ...]]:
    """All that could be changed of a folder's files."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("layout", SOUND)
def test_nothing_is_touched(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = SOUND[layout](tmp_path / "pets")
    next(root.rglob("a0.[jJ]*")).write_bytes(b"broken")
    before = state(root)
    monkeypatch.chdir(tmp_path)
    assert main(["--data", str(root), "--json", "found.json"]) == 1
    assert state(root) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.json", "pets"]


def test_it_does_not_write_into_the_data_set_even_if_told_to(ill: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state(ill)
    assert main(["--data", str(ill), "--json", str(ill / "found.json")]) == 2
    assert main(["--data", str(ill), "--proposals", "--store", str(ill / "runs")]) == 2
    assert "lies in the data set" in capsys.readouterr().err
    assert state(ill) == before


def test_exit_codes(ill: Path, tmp_path: Path) -> None:
    assert main(["--data", str(ill)]) == 1
    save(ill / "JPEGImages/a0.jpg", photo_of("a0"))
    assert main(["--data", str(ill)]) == 0
    assert main(["--data", str(ill), "--strict"]) == 1
    save(ill / "JPEGImages/b1.jpg", photo_of("b1"))
    assert main(["--data", str(ill), "--strict"]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "nowhere"], "no file or folder nowhere"),
        (["--data", "PETS", "--split", "tests"], "no split 'tests'"),
        (["--data", "voc:PETS:train", "--split", "val"], "names the split 'train', but 'val' is asked for"),
        (["--data", "voc:PETS:train", "--split", "val", "--split", "trainval"], "names the split 'train', but val"),
        (["--data", "PETS/Annotations/a1.xml"], "neither a folder"),
    ],
)
def test_bad_input_is_told_in_a_line(
    ill: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main([option.replace("PETS", str(ill)) for option in options]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_too_many_lists_must_be_chosen_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = sound_voc(tmp_path / "pets")
    for number in range(12):
        (root / f"ImageSets/Main/part{number}.txt").write_text(f"a{number % 3}\nb{number % 2}\n")
        save(root / f"JPEGImages/p{number}.jpg", photo_of(f"p{number}"))
        (root / f"ImageSets/Main/part{number}.txt").write_text(f"p{number}\n")
    assert main(["--data", str(root)]) == 2
    assert "name some by --split" in capsys.readouterr().err


def test_the_screen(ill: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--data", str(ill)])
    out = capsys.readouterr().out
    assert "pets: voc, photos: train 3, val 3 (trainval: made up of these)" in out
    assert "6 photos in" in out
    assert "photos that cannot be read" in out
    assert "JPEGImages/a0.jpg: empty file (0 bytes)" in out
    assert "train: JPEGImages/a1.jpg = val: JPEGImages/b1.jpg" in out
    assert "kinds of findings: 1 error, 1 warning, 1 note" in out
    order = [out.index(word) for word in ("│ error", "│ warning", "│ note")]
    assert order == sorted(order)
    main(["--data", str(ill), "--quiet"])
    assert "6 photos in" not in capsys.readouterr().out


def test_it_fits_a_terminal_of_80_columns(
    ill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.doctor.console", lambda: Console(width=80, markup=False, emoji=False, soft_wrap=True))
    long = "a_name_without_any_space_" * 6
    (ill / "ImageSets/Main/train.txt").write_text(f"a0\na1\na2\n{long}\n")
    main(["--data", str(ill)])
    tables = [line for line in capsys.readouterr().out.splitlines() if line[:1] in "┏┃┡│├└"]
    assert len(tables) > 20
    assert max(map(len, tables)) <= 80


def test_examples_on_the_screen_and_all_of_them_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = sound_voc(tmp_path / "pets")
    annotate(root / "Annotations/a0.xml", [*OBJECTS, *[("cat", 30, 10, 30, 10 + row) for row in range(9)]])
    main(["--data", str(root), "--json", str(tmp_path / "found.json")])
    assert "and 6 more" in capsys.readouterr().out
    (thin,) = json.loads((tmp_path / "found.json").read_text())["findings"]
    assert (thin["code"], thin["severity"], thin["count"], len(thin["cases"])) == ("thin-box", "warning", 9, 9)
    assert thin["advice"]


def test_json_is_the_same_each_time_and_everywhere(ill: Path, tmp_path: Path) -> None:
    for workers in ("1", "4"):
        main(["--data", str(ill), "--json", str(tmp_path / f"{workers}.json"), "--workers", workers])
    ill.parent.joinpath("elsewhere").mkdir()
    ill.rename(ill.parent / "elsewhere/pets")
    main(["--data", str(tmp_path / "elsewhere/pets"), "--json", str(tmp_path / "moved.json")])
    assert len({(tmp_path / f"{name}.json").read_bytes() for name in ("1", "4", "moved")}) == 1
    content = json.loads((tmp_path / "moved.json").read_text())
    assert content["splits"]["train"] == {"photos": 3, "objects": 31, "classes": {"cat": 16, "dog": 15}}
    assert content["findings_by_severity"] == {"error": 1, "warning": 1, "note": 1}
    assert content["reach"] is None


def test_objects_that_no_proposal_reaches(
    ill: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proposer of the whole photo stands in for selective search."""
    monkeypatch.setattr(
        "detection.build.proposers.build_proposer", lambda _: SlidingGrid(sizes=(1.0,), aspects=(64 / 48,), overlap=0)
    )
    store, out = tmp_path / "store", tmp_path / "found.json"
    assert main(["--data", str(ill), "--proposals", "--store", str(store), "--json", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "no proposal reaches" in printed
    assert "25 of 25" in printed
    assert len(list(store.rglob("*.proposals"))) == 5  # the sixth photo cannot be read
    content = json.loads(out.read_text())
    assert content["reach"]["classes_and_sizes"] == [
        {"class": "cat", "size": "medium", "objects": 1, "unreached": 0},
        {"class": "cat", "size": "small", "objects": 25, "unreached": 25},
        {"class": "dog", "size": "small", "objects": 25, "unreached": 25},
    ]
    assert sum(one["count"] for one in content["findings"] if one["code"] == "unreached") == 50
