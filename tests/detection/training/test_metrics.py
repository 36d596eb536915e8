"""The log of a run, and what a resumed run forgets of it."""

import json
from pathlib import Path

from detection.training.metrics import METRICS, forget_after, log_line


def test_lines_after_a_step_and_a_broken_one_are_forgotten(tmp_path: Path) -> None:
    for step in (2, 4, 6):
        log_line(tmp_path, {"step": step, "loss": step / 2})
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 3, "lo')
    forget_after(tmp_path, 4)
    lines = (tmp_path / METRICS).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 2, "loss": 1.0}, {"step": 4, "loss": 2.0}]
    assert [file.name for file in tmp_path.iterdir()] == [METRICS]


def test_without_a_log_there_is_nothing_to_forget(tmp_path: Path) -> None:
    forget_after(tmp_path, 4)
    assert list(tmp_path.iterdir()) == []
