import json
from pathlib import Path

import numpy  # noqa: ICN001 - its version is what the file is asked for
import pytest

from detection.bench.machine import describe_machine, processor
from detection.bench.result import race_table, write_races
from detection.bench.timing import Race, Timing
from detection.command_line import console

RACE = Race(
    "crops of a photo",
    "crop",
    [
        Timing("ours", (0.5, 0.5), (1.0, 1.0), {"largest difference": "0"}),
        Timing("theirs [peer]", (2.0, 1.0), (1.0, 1.0)),
    ],
    baseline="theirs [peer]",
    units=100,
    notes=["a note"],
)


def test_the_ratio_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(race_table(RACE))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines]
    assert cells == [
        ["ours", "3.00", "1.00", "200.0", "5.00", "10.00", "0"],
        ["theirs [peer]", "1.00", "1.00", "66.7", "15.00", "10.00", ""],
    ]


def test_the_file_holds_every_second_and_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    write_races(path, [RACE])
    content = json.loads(path.read_text())
    assert content["machine"]["versions"]["numpy"] == numpy.__version__
    (raced,) = content["races"]
    assert raced["contestants"]["ours"]["times_as_fast"] == {"wall": 3.0, "cpu": 1.0}
    assert raced["contestants"]["theirs [peer]"]["seconds_per_item"]["wall"] == [2.0, 1.0]
    assert (raced["unit"], raced["units_per_item"], raced["notes"]) == ("crop", 100, ["a note"])
    assert list(tmp_path.iterdir()) == [path]


def test_the_machine_has_a_processor_and_cores() -> None:
    assert processor()
    assert describe_machine()["cores"] >= 1
