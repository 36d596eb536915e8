import json

import pytest

from detection.evaluation.ensemble_gain import ensemble_gain
from detection.evaluation.judgement import judge
from detection.evaluation.voc import VOC10
from tests.detection.evaluation.random_case import objects_of, table

IMAGES = 30
TRUTH = objects_of(*((image, 0, 0, 0, 10, 10) for image in range(IMAGES)))


def finds(count):
    rows = table(*((image, 0, 0.9, 0, 0, 10, 10) for image in range(IMAGES)))
    return judge(VOC10, rows[rows.images < count], TRUTH, ["a"])


RESULTS = {
    ("x",): finds(12),
    ("y",): finds(15),
    ("z",): finds(18),
    ("x", "y"): finds(18),
    ("x", "z"): finds(21),
    ("y", "z"): finds(24),
    ("x", "y", "z"): finds(27),
}


def test_rows_and_what_they_are_set_against():
    rows = ensemble_gain(RESULTS, IMAGES, samples=100)
    assert [(row.kind, row.name, row.choices, round(row.mean_ap, 6)) for row in rows] == [
        ("single", "x", 1, 0.4),
        ("single", "y", 1, 0.5),
        ("single", "z", 1, 0.6),
        ("averaged", "1", 3, 0.5),
        ("averaged", "2", 3, 0.7),
        ("averaged", "3", 1, 0.9),
        ("left out", "x", 1, 0.8),
        ("left out", "y", 1, 0.7),
        ("left out", "z", 1, 0.6),
    ]
    gains = [row.gain and round(row.gain.difference.value, 6) for row in rows]
    assert gains == [-0.1, 0, 0.1, None, 0.2, 0.4, -0.1, -0.2, -0.3]
    assert rows[-1].gain.names == ("all 3", "left out z")
    assert rows[5].gain.names == ("the mean single model", "averaged 3")
    assert rows[5].gain.classes["a"].value == pytest.approx(0.4)
    assert rows[5].gain.told_apart
    written = json.loads(json.dumps([row.summary() for row in rows], allow_nan=False))
    assert (written[3]["gain"], written[4]["gain"]["difference"]["value"]) == (None, pytest.approx(0.2))


def test_the_interval_of_a_mean_is_narrower_than_that_of_one_of_its_results():
    """The mean of several choices is of the same resamples, class by class."""
    rows = {(row.kind, row.name): row for row in ensemble_gain(RESULTS, IMAGES, samples=200)}

    def width(row):
        return row.gain.difference.high - row.gain.difference.low

    assert 0 < width(rows["averaged", "2"]) < width(rows["averaged", "3"])


def test_one_model_and_two():
    (single, mean) = ensemble_gain({("x",): finds(12)}, IMAGES, samples=10)
    assert (single.gain, mean.gain) == (None, None)
    two = {subset: judged for subset, judged in RESULTS.items() if "z" not in subset}
    assert [row.kind for row in ensemble_gain(two, IMAGES, samples=10)] == ["single"] * 2 + ["averaged"] * 2


def test_something_to_set_against():
    with pytest.raises(ValueError, match="no single result"):
        ensemble_gain({("x", "y"): finds(3)}, IMAGES)
