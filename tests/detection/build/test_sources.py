"""What an experiment reads, and what it refuses to read."""

from dataclasses import replace

import pytest

from detection.build.sources import Sources
from tests.detection.rectangles import Rectangles, propose, rectangles, without_objects

TRAIN, VALIDATION = rectangles(6), rectangles(3, seed=1)


def never(dataset: Rectangles) -> list:
    raise AssertionError("proposals take hours")


def test_proposals_are_made_when_they_are_asked_for() -> None:
    Sources(TRAIN, VALIDATION, never)
    Sources(TRAIN, None, never)
    assert len(Sources(TRAIN, VALIDATION, propose).proposals(VALIDATION)) == 3


def test_photos_without_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="the 6 training photos hold no object that counts"):
        Sources(without_objects(TRAIN), None, never)


def test_validation_photos_must_have_the_same_classes() -> None:
    other = replace(VALIDATION, class_names=("blue", "red"))
    with pytest.raises(ValueError, match="validation photos have the classes blue, red, those to train on red, blue"):
        Sources(TRAIN, other, never)


def test_photos_to_train_on_cannot_validate() -> None:
    mixed = replace(rectangles(7), images=(*TRAIN.images, VALIDATION.images[0]))
    with pytest.raises(ValueError, match="6 of the validation photos are among those to train on"):
        Sources(TRAIN, mixed, never)
