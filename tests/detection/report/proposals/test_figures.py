import json

import pytest

from detection.datasets.base import AnnotatedImages
from detection.report.proposals.figures import figures
from detection.report.proposals.report import proposal_report
from detection.report.proposals.screen import on_screen
from detection.report.proposals.sheets import sheets
from tests.detection.report.proposals.photos import FAR, HALF, NAMES, WHOLE, measured, photos, target


@pytest.fixture
def report(tmp_path):
    """Two proposers on the three photos, the second better than the first."""
    both = [measured(tmp_path, name="a"), measured(tmp_path, ([WHOLE, FAR], [WHOLE], [HALF]), name="b")]
    return proposal_report("photos", photos(tmp_path), both, ladder=True)


def test_figures_by_hand(report):
    content = json.loads(json.dumps(figures(report), allow_nan=False))
    assert content["data"] == "photos"
    first, second = content["proposers"]
    assert first["boxes"] == {"in_all": 3, "mean": 1, "least": 0, "most": 2, "share_of_rcnn": pytest.approx(1 / 2403)}
    assert first["all_boxes"] == {
        "recall_50": 0.5,
        "recall_70": 0.25,
        "average_recall": pytest.approx((0.5 + 9 * 0.25) / 10),
        "abo": 0.375,
        "mabo": pytest.approx((0.75 + 0) / 2),
    }
    assert second["all_boxes"]["recall_50"] == 0.75
    one = first["first_boxes"][0]
    assert (one["boxes"], one["mean"], one["abo"]) == (1, pytest.approx(2 / 3), 0.25)
    assert first["classes"]["cat"]["objects"] == 2
    assert first["classes"]["cat"]["abo"] == 0.75
    assert first["classes"]["cow"] == {
        "objects": 0,
        **dict.fromkeys(("recall_50", "recall_70", "average_recall", "abo", "mabo")),
    }
    assert [entry["objects"] for entry in first["sizes_in_pixels"]] == [2, 0, 2, 0, 0, 0, 0]
    assert first["sizes_in_pixels"][2]["coco"] == "medium"
    assert first["sizes_in_pixels"][-1]["to"] is None
    assert [entry["recall"] for entry in first["recall_by_overlap"]] == [0.5] + [0.25] * 9
    assert first["unreached"]["objects"] == [
        {"id": "first", "class": "dog <b>", "box": FAR, "best": 0, "nearest": [0, 0, 0, 0]},
        {"id": "<third>", "class": "dog <b>", "box": FAR, "best": 0, "nearest": [0, 0, 0, 0]},
    ]
    assert first["seconds"]["photos_timed"] == 3
    assert [entry["claim"] for entry in content["paper"]][-1] == "coverage"
    assert content["notes"]


def test_sheets_by_hand(report):
    made = {sheet.title: sheet for sheet in sheets(report)}
    assert made["all boxes"].rows[0][:2] == ("a", "1")
    assert made["all boxes"].rows[0][4:] == ("0.500", "0.250", "0.275", "0.375", "0.375")
    budgets = made["a: the first boxes of each photo"]
    assert [row[0] for row in budgets.rows] == ["first 100", "first 500", "first 1,000", "first 2,000", "all"]
    classes = [made[f"classes: the 2 of 3 that have objects; recall at {overlap}"] for overlap in (0.5, 0.7)]
    assert {sheet.head for sheet in classes} == {("class", "objects", "a", "b")}
    assert [sheet.rows for sheet in classes] == [
        (("cat", "2", "1.000", "1.000"), ("dog <b>", "2", "0.000", "0.500")),
        (("cat", "2", "0.500", "1.000"), ("dog <b>", "2", "0.000", "0.500")),
    ]
    sizes = made["size of the object: root of its area, in pixels; recall at 0.7"]
    assert sizes.rows[2] == ("32 to 64 (COCO medium)", "2", "0.500", "1.000")


def test_one_proposer_has_all_measures_by_class(tmp_path):
    made = sheets(proposal_report("photos", photos(tmp_path), [measured(tmp_path)]))
    classes = next(sheet for sheet in made if sheet.title.startswith("classes"))
    assert classes.head == ("class", "objects", "recall at 0.5", "recall at 0.7", "AR", "ABO")
    assert classes.rows[0] == ("cat", "2", "1.000", "0.500", "0.550", "0.750")


@pytest.mark.parametrize("count", [0, 2])
def test_without_photos_or_objects_the_report_is_whole(tmp_path, count):
    dataset = photos(tmp_path)
    nothing = (target([], []),) * count
    dataset = AnnotatedImages(NAMES, dataset.ids[:count], dataset.paths[:count], nothing)
    one = measured(tmp_path, dataset=dataset)
    report = proposal_report("photos", dataset, [one, one], ladder=True)
    content = json.loads(json.dumps(figures(report), allow_nan=False))
    assert content["proposers"][0]["all_boxes"]["recall_50"] is None
    assert content["proposers"][0]["objects"] == 0
    assert [sheet.title for sheet in sheets(report)] == ["all boxes"]
    assert list(on_screen(report))[-1] == "no annotated objects: there is nothing to cover"
