"""The log of a run, and what a resumed run forgets of it."""

import json
from pathlib import Path

from detection.training.metrics import METRICS, cut_log, log_line, log_size


def test_what_was_added_after_a_checkpoint_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / METRICS
    assert log_size(path) == 0
    for step in (2, 4):
        log_line(path, {"step": step, "loss": step / 2})
    size = log_size(path)
    log_line(path, {"step": 4, "validation": 0.5})
    with path.open("a") as file:
        file.write('{"step": 6, "lo')
    cut_log(path, size)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 2, "loss": 1.0},
        {"step": 4, "loss": 2.0},
    ]
    assert [file.name for file in tmp_path.iterdir()] == [METRICS]


def test_without_a_log_there_is_nothing_to_forget(tmp_path: Path) -> None:
    cut_log(tmp_path / METRICS, 0)
    assert list(tmp_path.iterdir()) == []
