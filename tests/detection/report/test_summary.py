import numpy as np
import pytest

from detection.command_line import console
from detection.report import summary
from detection.report.summary import failed_words, summarise
from detection.results import ImageDetections


def record(id: str, *scores: float) -> ImageDetections:
    boxes = np.tile([0.0, 0.0, 9.0, 9.0], (len(scores), 1))
    labels = tuple(f"dog{number}" for number in range(len(scores)))
    return ImageDetections(id, id, 10, 10, boxes, labels, np.array(scores), 0.5)


def test_the_best_come_first_and_lesser_ones_are_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    table, lines = summarise([record("a\n.jpg", 0.6, 0.2, 0.9), record("b.jpg")], threshold=0.5)
    console().print(table)
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["a\\n.jpg", "dog2 0.90, dog0 0.60", "0.50"],
        ["b.jpg", "-", "0.50"],
    ]
    assert lines == ["2 detections in 2 photos, 0.50 seconds a photo"]


def test_only_the_first_photos_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "ROWS", 2)
    table, lines = summarise((record(f"{number}.jpg", 0.9) for number in range(5)), threshold=0.5)
    assert table.row_count == 2
    assert lines == ["... and 3 photos more", "5 detections in 5 photos, 0.50 seconds a photo"]


def test_no_photos() -> None:
    assert summarise([], threshold=0.5)[1] == ["0 detections in 0 photos, 0.00 seconds a photo"]


def test_every_class_may_have_its_own_threshold() -> None:
    bars = {"dog0": 0.7, "dog1": 0.1, "dog2": 0.95}
    table, lines = summarise([record("a.jpg", 0.6, 0.2, 0.9)], bars, "best-f1")
    assert table.columns[1].header == "detections that score best-f1 or more"
    assert list(table.columns[1].cells) == ["dog1 0.20"]
    assert lines == ["1 detection in 1 photo, 0.50 seconds a photo"]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 0), "1 photo failed"),
        ((1200, 1), "1,200 photos failed and 1 folder could not be listed"),
        ((0, 2), "2 folders could not be listed"),
        ((1, 0, 6), "1 of 6 photos failed"),
        ((1, 2, 1), "1 of 1 photo failed and 2 folders could not be listed"),
    ],
)
def test_photos_that_failed_and_folders_are_counted_apart(counts: tuple[int, ...], words: str) -> None:
    assert failed_words(*counts) == words
