"""tools/paper.py as its users call it."""

import json
from pathlib import Path

import pytest

from detection.build.detection_claims import detection_claims
from detection.evaluation.paper_tables import measured
from tools.paper import main, network_rows


def test_the_tables_stand_beside_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables"]) == 0
    out = capsys.readouterr().out
    assert "not measured: needs ILSVRC DET" in out
    assert "voc5: 78.4% mAP; VOC2007 test, 5 classes, 500 images, voc07, 1 model, 150 regions a photo" in out


def test_the_first_row_of_table_1_fits_a_separable_convolution() -> None:
    verdicts = {row.row: row.verdict for row in network_rows()}
    assert "separable" in verdicts["conv1"]
    assert verdicts["3a"] == verdicts["linear"] == "holds"
    assert "does not follow" in verdicts["4c"]


def test_json_holds_what_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "paper.json"
    assert main(["all", "--json", str(path)]) == 0
    written = json.loads(path.read_text())
    assert [table["paper"][-1].get("mAP") for table in written["tables"]] == [None, None, 43.9, 40.2]
    assert sum(row["weights"] for row in written["network"]) == 6_990_272
    assert len(written["claims"]) > 30


def test_statements_have_verdicts_and_the_errors_measured_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    out = capsys.readouterr().out
    (crops,) = [line for line in out.splitlines() if "top-5 error of 1, 10, 144 crops" in line]
    assert "12.00, " in crops
    assert "100 ImageNet validation photos" in crops
    (rate,) = [line for line in out.splitlines() if "the learning rate falls" in line]
    assert rate.count("4% every 8 epochs") == 2
    assert "holds" in rate


def test_at_100_columns_no_place_in_the_code_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detection.command_line.FILE_WIDTH", 100)
    assert main(["claims"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Sections 1 and 5 to 8")
    assert "…" not in out
    where = "".join(line.split("│")[-2].strip() for line in out.splitlines() if line.startswith("│"))
    assert "detection/heads/region_classifier.py" in where


def test_what_section_8_says_stands_beside_the_bundled_detector() -> None:
    said = {claim.claim: claim for claim in detection_claims(measured())}
    assert said["boxes that this leaves"].here == "55% (VOC2007 test)"
    assert said["boxes in all, of R-CNN's"].verdict == "holds"
    assert (coverage := said["coverage"]).here == "94.3 to 97.2% (VOC2007 test)"
    assert coverage.verdict == "rises, too"
    assert said["box regression"].verdict.startswith("deviates: on")
    assert said["mAP of one model"].verdict.startswith("not measured")
    assert said["networks averaged on each region"].verdict == "holds"
    six = said["mAP of one model (mean of six alone), of six averaged"]
    assert (six.here, six.verdict) == ("77.4 to 80.0% (VOC2007 test, 5 classes)", "rises, too")
    assert {claim.verdict for claim in detection_claims([])} >= {"holds", "not measured"}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["table"], "tables"),
        (["tables", "--measured", "absent.json"], "no file of measurements absent.json; tools/classify.py --json"),
        (["--jsn", "x"], "--help"),
    ],
)
def test_bad_input_ends_in_one_line(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error:")
    assert error.count("\n") == 1
    assert words in error
