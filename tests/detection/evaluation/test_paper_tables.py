"""The paper's tables as data, and which measurement may stand in which."""

import json
from pathlib import Path

import pytest

from detection.evaluation.paper_tables import TABLE_2, TABLE_3, TABLE_4, Measurement, measured, paper_tables


def measurement(**fields: object) -> Measurement:
    row = {"name": "mine", "figure": "mAP", "value": 40.0, "data": "ILSVRC DET", "images": 20_121, "command": "x"}
    return Measurement.model_validate({**row, **fields})


def test_the_winner_is_the_same_in_every_table() -> None:
    assert (TABLE_4[-1].team, TABLE_4[-1].mean_ap) == ("GoogLeNet", 43.9)
    assert TABLE_3[-1].top_5_error == TABLE_2[-1].top_5_error == 6.67


def test_cost_is_models_times_crops() -> None:
    assert all(row.cost == row.models * row.crops for row in TABLE_3)


@pytest.mark.parametrize(
    ("fields", "comparable"),
    [
        ({"protocol": "ilsvrc"}, True),
        ({"protocol": "voc07"}, False),
        ({"protocol": "ilsvrc", "data": "VOC2007 test"}, False),
    ],
)
def test_only_the_papers_data_and_protocol_are_compared(fields: dict[str, object], comparable: bool) -> None:
    table_4 = paper_tables([measurement(**fields)])[2]
    assert (len(table_4.comparable), len(table_4.others)) == (int(comparable), int(not comparable))


def test_an_ensemble_is_not_in_the_table_of_single_models() -> None:
    tables = paper_tables([measurement(models=6, protocol="ilsvrc"), measurement(protocol="ilsvrc")])
    assert [len(table.comparable) for table in tables] == [0, 0, 2, 1]


def test_conditions_name_data_protocol_models_and_regions() -> None:
    one = measurement(protocol="voc07", models=6, regions=150, box_regression=False)
    assert one.conditions == "ILSVRC DET, 20,121 images, voc07, 6 models, 150 regions a photo, without box regression"


def test_what_the_package_measured_can_be_read() -> None:
    rows = measured()
    proposals = {"boxes left by x2", "boxes of R-CNN's", "coverage at IoU 0.5"}
    assert {row.figure for row in rows} == {"mAP", "top-5 error", *proposals}
    assert all(0 < row.value < 100 for row in rows)


@pytest.mark.parametrize(
    "text",
    ["", "{", "3", "[3]", '[{"name": "x"}]', '[{"surprise": 1}]'],
    ids=["empty", "cut off", "no list", "no measurement", "incomplete", "unknown key"],
)
def test_what_is_no_list_of_measurements_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"mine\.json"):
        measured(path)


def test_measurements_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    rows = [measurement(), measurement(models=6)]
    path.write_text(json.dumps([row.model_dump() for row in rows]))
    assert measured(path) == rows
