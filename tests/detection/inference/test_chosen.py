"""Some classes of a run's detections."""

from pathlib import Path

import numpy as np
import pytest

from detection.inference.chosen import chosen_classes, file_of, only, read_only
from detection.results import ImageDetections, read_detections

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
    path.write_text(RECORD.to_json() + "\n")
    assert [record.labels for record in read_only(path, ["cat"])] == [("cat", "cat")]
    with file_of(path, ["bus"]) as file:
        assert [record.labels for record in read_detections(file)] == [("bus",)]
    assert not file.exists()
