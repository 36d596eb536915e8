"""What the tables of an ensemble say."""

from dataclasses import replace

from detection.evaluation.analysis import judge_under
from detection.evaluation.bootstrap import Interval
from detection.evaluation.ensemble_gain import ensemble_gain
from detection.evaluation.judgement import Judgement
from detection.report.ensemble import class_gains, ensemble_table
from detection.structures import Detections
from tests.detection.rectangles import CLASSES, rectangles

PHOTOS = rectangles(6)


def judged(finds: int) -> Judgement:
    """A result that finds the objects of the first photos."""
    targets = [PHOTOS.target(number) for number in range(len(PHOTOS))]
    found = [
        Detections(target.boxes, target.labels + 0.5, target.labels) if number < finds else Detections.empty()
        for number, target in enumerate(targets)
    ]
    return judge_under("voc10", found, targets, CLASSES)


ROWS = ensemble_gain({("a",): judged(2), ("b",): judged(4), ("a", "b"): judged(6)}, len(PHOTOS), samples=50)


def test_gains_are_over_the_mean_single_model() -> None:
    cells = [list(column.cells) for column in ensemble_table(ROWS).columns]
    assert cells[0] == ["single a", "single b", "averaged 1 (mean of 2)", "averaged 2"]
    assert cells[1] == ["0.3333", "0.6667", "0.5000", "1.0000"]
    assert cells[2] == ["-16.7", "+16.7", "", "+50.0"]
    assert cells[5][3] == "the mean single model"


def test_what_rounds_to_nothing_has_no_minus() -> None:
    row = ROWS[-1]
    assert row.gain is not None
    gain = replace(row.gain, difference=Interval(-0.0001, -0.0004, 0.011))
    gains, intervals = (list(column.cells) for column in ensemble_table([replace(row, gain=gain)]).columns[2:4])
    assert (gains, intervals) == (["+0.0"], ["+0.0 to +1.1"])


def test_every_class_has_its_gain() -> None:
    names, points, _ = (list(column.cells) for column in class_gains(ROWS[-1]).columns)
    assert (names, points) == (list(CLASSES), ["+50.0", "+50.0"])
    assert class_gains(ROWS[2]).row_count == 0
