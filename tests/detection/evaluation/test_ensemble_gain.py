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


def test_rows_and_what_they_are_set_against():
    rows = ensemble_gain(
        {"one": finds(12), "two": finds(15)}, {3: finds(27), 2: finds(21)}, {"one": finds(24)}, IMAGES, samples=100
    )
    assert [(row.kind, row.name) for row in rows] == [
        ("single", "one"),
        ("single", "two"),
        ("averaged", "2"),
        ("averaged", "3"),
        ("left out", "one"),
    ]
    gains = [row.gain and row.gain.difference.value for row in rows]
    assert gains == [pytest.approx(-0.1), None, pytest.approx(0.2), pytest.approx(0.4), pytest.approx(-0.1)]
    assert rows[-1].gain.names == ("averaged 3", "left out one")
    assert rows[3].gain.classes["a"].value == pytest.approx(0.4)
    assert rows[3].gain.told_apart
    assert json.loads(json.dumps([row.summary() for row in rows], allow_nan=False))[1]["gain"] is None


def test_something_to_set_against():
    with pytest.raises(ValueError, match="no single result"):
        ensemble_gain({}, {2: finds(3)}, {}, IMAGES)
    with pytest.raises(ValueError, match="one is left out, but of no averaged result"):
        ensemble_gain({"one": finds(3)}, {}, {"one": finds(3)}, IMAGES)
