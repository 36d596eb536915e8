"""What tools/evaluate.py tells beyond the figures: why, against what, and where to look."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.proposals.fixed import SlidingGrid
from detection.proposals.precomputed import PrecomputedBoxes
from detection.proposals.selective_search.engine import SelectiveSearch
from detection.proposals.store import ProposalStore
from detection.structures import Proposals
from tests.tools.evaluations import CAR, CASES, Case, ilsvrc_case, json_lines_case
from tools.evaluate import main

PROTOCOLS = "voc07,voc10,ilsvrc,coco"


def run(case: Case, *options: object, protocol: str = PROTOCOLS) -> dict:
    """The JSON that a run writes."""
    path = Path(case.files[0]).parent / "result.json"
    arguments = [*case.arguments, "--protocol", protocol, *map(str, options)]
    assert main([*arguments, "--json", str(path)]) == 0
    return json.loads(path.read_text())


def refused(case: Case, *options: object, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line in which a run ends that is asked for what cannot be."""
    assert main([*case.arguments, *map(str, options)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    return printed.err


def rows(text: str) -> list[list[str]]:
    """The cells of every table printed."""
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]


@pytest.fixture
def case(tmp_path):
    return json_lines_case(tmp_path)


def without(case: Case, *images: str) -> Path:
    """The same detections, of which those in some images are lost."""
    path = case.files[0].with_name("fewer.jsonl")
    records = [json.loads(line) for line in case.files[0].read_text().splitlines()]
    for record in records:
        if record["id"] in images:
            record |= {"boxes": [], "labels": [], "scores": []}
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


@pytest.fixture
def photos(case):
    """The paths of the photos, which differ."""
    folder = case.files[1].parent.parent / "JPEGImages"
    folder.mkdir()
    paths = [folder / f"{image}.jpg" for image in ("one", "three", "two")]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((30, 40, 3), 80 * number, np.uint8)).save(path)
    return paths


def test_explain_tells_interval_errors_and_rules(case, capsys):
    result = run(case, "--explain", protocol="voc07,coco")
    out = capsys.readouterr().out
    low, high = (result["analysis"]["intervals"]["mean_ap"][end] for end in ("low", "high"))
    assert f"voc07: mean AP 0.9242, 95% interval over 3 photos {low:.4f} to {high:.4f}" in out
    assert ["both: near an object of another class", "1", "7.6"] in rows(out)
    assert "coco at .5 instead of voc07: " in out
    analysis = result["analysis"]
    assert (analysis["protocol"], analysis["image_ids"]) == ("voc07", ["one", "two", "three"])
    assert analysis["errors"]["both"]["count"] == 1
    assert [one["second"] for one in analysis["explanations"]] == ["coco at .5"]


def test_without_such_options_the_json_is_that_of_the_protocols(case, capsys):
    assert set(run(case)) == set(PROTOCOLS.split(","))
    assert "resamples" not in capsys.readouterr().out


def test_under_coco_the_analysis_says_that_it_is_at_one_half(case, capsys, tmp_path):
    result = run(case, "--explain", "--html", tmp_path / "page.html", protocol="coco")
    assert result["analysis"]["protocol"] == "coco at .5"
    assert result["analysis"]["intervals"]["mean_ap"]["value"] == pytest.approx(result["coco"]["AP50"])
    assert "coco at .5: mean AP" in capsys.readouterr().out
    text = (tmp_path / "page.html").read_text()
    assert "AP, coco at .5, and 95% interval" in text
    assert f"coco at .5: {result['coco']['AP50']:.3f}" in text


@pytest.mark.parametrize("name", CASES)
def test_classes_alone_are_judged_as_among_all(name, tmp_path):
    case = CASES[name](tmp_path)
    some = ["car", "ant"] if name == "ilsvrc" else ["dog", "cat"]
    whole = run(case)
    for chosen in (some, some[:1]):
        part = run(case, "--explain", "--classes", ",".join(chosen))
        for protocol in PROTOCOLS.split(","):
            assert list(part[protocol]["classes"]) == chosen
            assert part[protocol]["classes"] == {one: whole[protocol]["classes"][one] for one in chosen}
        assert part["analysis"]["confusion"]["classes"] == chosen


def test_what_other_classes_do_is_no_error_of_the_chosen(case):
    every, dogs = run(case, "--explain"), run(case, "--explain", "--classes", "dog")
    assert every["analysis"]["errors"]["both"]["count"] == 1  # the cat in the second photo
    assert sum(error["count"] for error in dogs["analysis"]["errors"].values()) == 0
    assert np.sum(dogs["analysis"]["confusion"]["counts"]) == 2


def test_a_class_without_objects_has_nothing_to_analyse(tmp_path):
    case = ilsvrc_case(tmp_path)
    result = run(case, "--explain", "--compare", case.files[0], "--classes", "n02084071", "--html", tmp_path / "p.html")
    assert result["analysis"]["intervals"]["mean_ap"] == {"value": None, "low": None, "high": None}
    assert result["analysis"]["comparison"]["ahead"] is None


def test_two_results_are_told_apart_in_words(case, capsys):
    fewer = without(case, "one", "two", "three")
    result = run(case, "--compare", fewer, protocol="voc10")["analysis"]["comparison"]
    assert result["won"] == {str(fewer): 0, case.arguments[0]: 2}
    printed = capsys.readouterr()
    assert f"voc10: {case.arguments[0]} is better: " in printed.out
    assert f"classes won: {fewer} 0, {case.arguments[0]} 2" in printed.out
    assert f"WARNING: {fewer}: there are no detections at all" in printed.err
    run(case, "--compare", case.arguments[0], protocol="voc10")
    assert "no difference can be told from 3 images" in capsys.readouterr().out


def test_the_other_result_must_be_readable(case, capsys):
    assert "gone.jsonl: no such file" in refused(case, "--compare", "gone.jsonl", capsys=capsys)


def test_proposals_tell_what_no_classifier_could_find(case, photos, tmp_path, capsys):
    store = ProposalStore(tmp_path / "store", PrecomputedBoxes("a test"))
    for photo in photos:
        store.keep(photo, Proposals(np.array([[3, 3, 22, 24]], np.float32)))  # on the cats
    arguments = [str(without(case, "one")), *case.arguments[1:]]
    lost = Case(tuple(arguments), case.files)
    for place in (store.folder.parent, store.folder):
        errors = run(lost, "--proposals", place, protocol="voc10")["analysis"]["errors"]
        kinds = ("missed", "missed: no proposal", "missed: classifier")
        assert [errors[kind]["count"] for kind in kinds] == [2, 1, 1]
    assert (
        "  classifier: although a proposal reaches them: the selection or the classifier dropped it"
        in capsys.readouterr().out
    )


def test_missing_proposals_end_in_the_command_that_makes_them(case, photos, tmp_path, capsys):
    store = ProposalStore(tmp_path / "store", SelectiveSearch(superpixel_scale=2))
    error = refused(case, "--proposals", tmp_path / "store", capsys=capsys)
    assert f"{store.folder}: has no proposals of 3 of 3 photos, such as {photos[0].parent / 'one.jpg'}" in error
    data = case.arguments[case.arguments.index("--data") + 1]
    wanted = ["propose.py", "--data", data, "--split", "test", "--mode", "rcnn-fast", "--superpixel-scale", "2.0"]
    command = shlex.split(error.partition("to make them: python tools/")[2])
    assert command == [*wanted, "--store", str(tmp_path / "store")]
    other = ProposalStore(tmp_path / "grids", SlidingGrid())
    assert "what is in settings.json there" in refused(case, "--proposals", other.folder, capsys=capsys)


def test_a_store_must_have_one_kind_of_proposals(case, tmp_path, capsys):
    assert "not a proposals store" in refused(case, "--proposals", tmp_path, capsys=capsys)
    folders = [ProposalStore(tmp_path / "store", one).folder for one in (SlidingGrid(), PrecomputedBoxes("x"))]
    error = refused(case, "--proposals", tmp_path / "store", capsys=capsys)
    assert "name the folder of one" in error
    assert all(str(folder) in error for folder in folders)


def test_proposals_without_photos_are_refused(case, tmp_path, capsys):
    store = ProposalStore(tmp_path / "store", SlidingGrid())
    assert "no image file" in refused(case, "--proposals", store.folder, capsys=capsys)


def test_a_result_on_other_data_is_not_set_into_the_paper(case, capsys):
    run(case, "--against", "paper", protocol="voc10")
    out = capsys.readouterr().out
    assert "Table 4: detection" in out
    assert "Table 2" not in out
    assert "here: not measured: needs ILSVRC DET" in out
    assert "on other data (not comparable with the rows above):\n  found.jsonl: 91.7% mAP; " in out
    assert "voc10, 1 model; python tools/evaluate.py " in out


def test_a_result_on_the_test_set_stands_in_the_tables(tmp_path, capsys, monkeypatch):
    case = ilsvrc_case(tmp_path)
    run(case, "--against", "paper", protocol="ilsvrc")
    out = capsys.readouterr().out
    assert "on the same data" not in out  # three photos of val
    assert out.count("not comparable with the rows above):\n  submission.txt: ") == 2
    assert "ILSVRC DET val, 3 images, ilsvrc" in out
    monkeypatch.setattr("detection.report.evaluation.own_result.TEST_IMAGES", 3)
    run(case, "--against", "paper", protocol="ilsvrc")
    assert capsys.readouterr().out.count("here, on the same data:\n  submission.txt: ") == 2
    run(case, "--against", "paper", "--classes", CAR, protocol="ilsvrc")
    out = capsys.readouterr().out
    assert "on the same data" not in out
    assert "ILSVRC DET, 1 of 200 classes, 3 images, ilsvrc" in out


def test_a_run_says_how_many_models_and_regions_it_took(case, capsys):
    file = case.files[0].rename(case.files[0].with_name("detections.jsonl"))
    file.with_name("run.json").write_text(json.dumps({"settings": {"model": ["a", "b"], "top": 300}}))
    taken = Case((str(file), *case.arguments[1:]), (file,))
    run(taken, "--against", "paper", protocol="ilsvrc")
    assert "ilsvrc, 2 models, 300 regions a photo; " in capsys.readouterr().out
    file.with_name("run.json").write_text("[")
    run(taken, "--against", "paper", protocol="ilsvrc")
    assert "ilsvrc, 1 model; " in capsys.readouterr().out


def test_against_knows_the_paper_alone(case, capsys):
    assert "--against papers: there is only --against paper" in refused(case, "--against", "papers", capsys=capsys)


def test_the_page_is_written_and_named(case, photos, tmp_path, capsys):
    page = tmp_path / "new" / "page.html"
    run(case, "--html", page, "--compare", without(case, "one"))
    assert f"look at {page}" in capsys.readouterr().out
    text = page.read_text()
    assert text.count("data:image/jpeg") == 1  # the photo with the wrong cat
    assert "Against " in text


def test_a_page_names_a_file_of_stray_bytes(case, photos, tmp_path):
    rival = case.files[0].rename(case.files[0].with_name("old\udcff.jsonl"))
    mine = Path(case.files[0])
    mine.write_bytes(rival.read_bytes())
    run(case, "--html", tmp_path / "page.html", "--compare", rival)
    assert "old?.jsonl" in (tmp_path / "page.html").read_text()


def test_photos_that_are_not_there_are_told_once(case, tmp_path, capsys):
    run(case, "--html", tmp_path / "page.html")
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert "not on the page are 1 of the 1 photos with the most errors, such as two (no image file" in errors[0]


def test_a_page_that_cannot_be_written_is_told(case, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([*case.arguments, "--html", str(tmp_path / "file" / "page.html")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert str(tmp_path / "file") in error
