import json

import numpy as np
import pytest
from PIL import Image

from tools.propose import main

OBJECT = (20, 10, 50, 40)  # half-open


@pytest.fixture
def data(tmp_path):
    """Two photos with a red object each, in VOC's layout."""
    folder = tmp_path / "pets"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    (folder / "ImageSets/Main/train.txt").write_text("one\ntwo\n")
    x1, y1, x2, y2 = OBJECT
    for number, name in enumerate(("one", "two")):
        image = np.random.default_rng(number).integers(80, 110, (60, 90, 3), dtype=np.uint8)
        image[y1:y2, x1:x2] = 200, 30, 30
        Image.fromarray(image).save(folder / f"JPEGImages/{name}.jpg", quality=95)
        (folder / f"Annotations/{name}.xml").write_text(
            "<annotation><size><width>90</width><height>60</height><depth>3</depth></size>"
            f"<object><name>cat</name><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin>"
            f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object></annotation>"
        )
    return folder


@pytest.fixture
def run(data, tmp_path, capsys):
    """Run the tool on the photos; gives exit code, output and what is written to stderr."""

    def tool(*options):
        code = main(["--data", str(data), "--split", "train", "--store", str(tmp_path / "store"), *options])
        return code, *capsys.readouterr()

    return tool


def entries(tmp_path):
    return {path: path.read_bytes() for path in (tmp_path / "store").rglob("*.proposals")}


def test_proposals_are_made_and_kept(run, tmp_path):
    code, out, _ = run()
    assert code == 0
    assert out.startswith("2 photos, ")
    assert str(tmp_path / "store") in out
    kept = entries(tmp_path)
    assert len(kept) == 2
    assert run("--workers", "1")[0] == 0
    assert entries(tmp_path) == kept


def rows(out):
    """The cells of every row of every table that is printed, by what the row begins with."""
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    return {cells[0]: cells[1:] for cells in lines}


def test_the_report_measures_how_well_objects_are_covered(run):
    code, out, _ = run("--report", "--quiet")
    assert code == 0
    boxes, recall_50, recall_70, _, overlap, _ = map(float, rows(out)["all"])
    assert (recall_50, recall_70) == (1, 1)
    assert boxes > 1
    assert overlap > 0.9
    assert rows(out)["cat"][:3] == ["2", "1.000", "1.000"]
    assert rows(out)["16 to 32 (COCO small)"][0] == "2"
    assert "no box reaches 0 of 2 objects" in out


def test_seconds_are_those_of_photos_that_were_computed(run):
    assert "2 photos computed, one photo at once" in run("--workers", "1")[1]
    _, out, _ = run("--workers", "1", "--report")
    assert "all boxes from the store" in out
    assert rows(out)["selective-search rcnn-fast"][2] == "from the store"


def test_the_ladder_stands_beside_the_paper(run, tmp_path):
    code, out, _ = run("--ladder", "--multibox", "0", "--quiet", "--out", str(tmp_path / "report"))
    assert code == 0
    assert rows(out)["coverage"][0] == "92% to 93%, with MultiBox"
    assert rows(out)["MultiBox: boxes a photo added"][2] == "not measured: without MultiBox"
    content = json.loads((tmp_path / "report/report.json").read_text())
    assert [one["name"] for one in content["proposers"]] == ["x1", "x2"]
    assert [one["settings"]["superpixel_scale"] for one in content["proposers"]] == [1, 2]
    assert "the paper, section 8" in (tmp_path / "report/index.html").read_text()


def test_the_ladder_s_last_step_adds_multibox(run, tmp_path, monkeypatch):
    """A MultiBox of one box stands in: what it adds is counted."""
    from detection.proposals.fixed import SlidingGrid

    asked = []

    def one_window(model, *, top, device):
        asked.append(top)
        return SlidingGrid(sizes=(0.9,), aspects=(1.0,), overlap=0)

    monkeypatch.setattr("detection.build.multibox.load_multibox", one_window)
    code, out, _ = run("--ladder", "--multibox", "4", "--quiet")
    assert code == 0
    assert asked == [4, 4]
    assert float(rows(out)["MultiBox: boxes a photo added"][1]) > 0


def test_numbers_go_into_a_file(run, tmp_path):
    assert run("--json", str(tmp_path / "numbers.json"), "--quiet")[0] == 0
    (one,) = json.loads((tmp_path / "numbers.json").read_text())["proposers"]
    assert one["all_boxes"]["recall_50"] == 1


def test_a_report_is_named_after_its_settings(run, tmp_path):
    file = tmp_path / "numbers.json"
    _, out, _ = run("--mode", "single", "--superpixel-scale", "2", "--report", "--json", str(file))
    name = "selective-search single x2"
    assert f"proposals: {name};" in out.splitlines()[0]
    assert name in rows(out)
    assert [one["name"] for one in json.loads(file.read_text())["proposers"]] == [name]


def test_the_ladder_fits_a_terminal_of_100_columns(run, monkeypatch):
    monkeypatch.setattr("detection.command_line.FILE_WIDTH", 100)
    names = ["x1", "x2", "x2 + MultiBox", "x2 + MultiBox, thinned"]
    from detection.proposals.fixed import SlidingGrid

    monkeypatch.setattr("detection.build.multibox.load_multibox", lambda model, top, device: SlidingGrid())
    _, out, _ = run("--ladder", "--quiet")
    lines = out.splitlines()
    assert "…" not in out
    for title in ("classes; recall at 0.5", "classes; recall at 0.7"):
        head = lines[lines.index(title) + 2]
        assert [cell.strip() for cell in head.split("┃")[1:-1]] == ["class", "objects", *names]


def test_boxes_of_others_are_read_from_a_file(run, tmp_path):
    file = tmp_path / "boxes.npz"
    np.savez(file, ids=["one", "two"], counts=[1, 1], boxes=np.array([OBJECT, (0, 0, 10, 10)], np.float32))
    code, out, _ = run("--method", "file", "--boxes", str(file), "--origin", "by hand", "--report", "--quiet")
    assert code == 0
    assert rows(out)["cat"][:2] == ["2", "0.500"]


@pytest.mark.parametrize("options", [("--method", "grid"), ("--mode", "single", "--superpixel-scale", "2")])
def test_other_methods_and_modes_have_entries_of_their_own(run, tmp_path, options):
    assert run("--quiet")[0] == run("--quiet", *options)[0] == 0
    assert len(entries(tmp_path)) == 4
    assert len(list((tmp_path / "store").iterdir())) == 2


def test_the_package_is_a_method(run, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "detection.proposals.selectivesearch_package.SelectiveSearchPackage.__call__", lambda self, image: grid(image)
    )
    from detection.proposals.fixed import SlidingGrid

    grid = SlidingGrid()
    assert run("--method", "package", "--superpixel-scale", "2")[0] == 0
    (folder,) = (tmp_path / "store").iterdir()
    assert '"superpixel_scale": 2.0' in (folder / "settings.json").read_text()


def test_a_photo_that_cannot_be_read_is_told_and_the_others_are_made(run, data, tmp_path, caplog):
    (data / "JPEGImages/two.jpg").write_bytes(b"no photo")
    code, out, errors = run("--report")
    assert code == 1
    assert "1 photos, " in out
    assert "two.jpg" in caplog.text
    assert "1 of 2 photos have no proposals" in errors
    assert len(entries(tmp_path)) == 1


def test_a_folder_of_photos_needs_no_annotation(data, tmp_path, capsys):
    code = main(
        ["--data", str(data / "JPEGImages"), "--store", str(tmp_path / "store"), "--report", "--method", "grid"]
    )
    assert code == 0
    assert "no annotated objects" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mode", "fast"), ["--mode fast", "rcnn-fast", "opencv-quality"]),
        (("--method", "edge-boxes"), ["edge-boxes", "selective-search", "package", "grid"]),
        (("--method", "package", "--mode", "single"), ["--mode single", "selective-search"]),
        (("--method", "grid", "--superpixel-scale", "2"), ["--superpixel-scale 2", "grid", "selective-search"]),
        (("--method", "file"), ["--method file", "--boxes"]),
        (("--boxes", "a.mat"), ["--method file", "--boxes"]),
        (("--ladder", "--method", "grid"), ["--ladder is of selective-search, ", "leave out --method grid"]),
        (("--ladder", "--method", "edges"), ["--method edges", "selective-search"]),
        (("--superpixel-scale", "-1"), ["--superpixel-scale -1", "greater than 0"]),
        (("--split", "test"), ["test"]),
        (("--workers", "0"), ["--workers"]),
        (("--nonsense",), ["--nonsense", "--help"]),
    ],
)
def test_bad_options_end_in_one_line(run, options, words):
    code, out, errors = run(*options)
    assert code == 2
    assert out == ""
    assert errors.count("\n") == 1
    assert all(word in errors for word in words), errors


def test_missing_data_ends_in_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "nowhere"), "--store", str(tmp_path / "store")]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "nowhere" in errors


def test_a_store_that_is_a_file_ends_in_one_line(data, tmp_path, capsys):
    (tmp_path / "store").touch()
    assert main(["--data", str(data), "--store", str(tmp_path / "store"), "--quiet"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "proposals store" in errors


def test_help_begins_with_examples(capsys):
    assert main(["--help"]) == 0
    assert "python tools/propose.py --data VOCdevkit/VOC2007" in capsys.readouterr().out
