"""Some classes of a run's detections."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detection.report.chosen import Chosen, chosen_classes, only
from detection.results import ImageDetections

KNOWN = ("bus", "cat", "person", "traffic light")
BOXES = np.array([[0, 0, 4, 4], [1, 1, 5, 5], [2, 2, 6, 6]])
RECORD = ImageDetections("a", "a.jpg", 9, 9, BOXES, ("cat", "bus", "cat"), np.array([0.9, 0.5, 0.1]), 1.0)


def test_the_classes_of_a_list_in_their_own_order() -> None:
    assert chosen_classes(None, KNOWN) == KNOWN
    assert chosen_classes("person, cat", KNOWN) == ("cat", "person")
    assert chosen_classes("traffic light", KNOWN) == ("traffic light",)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("cat,dog", "--classes cat,dog: no class 'dog'; there are: bus, cat, person, traffic light"),
        ("Cat", "--classes Cat: no class 'Cat'; did you mean 'cat'? There are: bus, cat, person, traffic light"),
        ("", "--classes : no class ''; there are: bus, cat, person, traffic light"),
    ],
)
def test_an_unknown_class_is_refused_with_those_that_are_known(asked: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        chosen_classes(asked, KNOWN)
    assert str(caught.value) == message


def test_the_detections_of_other_classes_are_left_out(tmp_path: Path) -> None:
    cats = only(RECORD, ["cat"])
    assert (cats.labels, cats.scores.tolist(), cats.boxes.tolist()) == (
        ("cat", "cat"),
        [0.9, 0.1],
        BOXES[[0, 2]].tolist(),
    )
    assert only(RECORD, KNOWN).to_json() == RECORD.to_json()
    assert len(only(RECORD, ["person"]).boxes) == 0
    path = tmp_path / "detections.jsonl"
    path.write_text(f"{RECORD.to_json()}\n{replace(RECORD, id='b').to_json()}\n")
    chosen = Chosen(path, {"b", "c"}, ["cat"])
    for _ in range(2):
        assert [(record.id, record.labels) for record in chosen] == [("b", ("cat", "cat"))]
