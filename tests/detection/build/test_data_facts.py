"""Whether a run's photos and annotations are still the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from detection.build.data_facts import check_data, data_facts, data_hash
from detection.structures import Target
from tests.detection.rectangles import Rectangles, rectangles

PHOTOS, JUDGED = rectangles(3), rectangles(2, seed=1)
BOXES, LABELS = PHOTOS.targets[0].boxes, PHOTOS.targets[0].labels


def with_first(photos: Rectangles, target: Target) -> Rectangles:
    return replace(photos, targets=(target, *photos.targets[1:]))


def test_the_hash_of_data_changes_with_a_class_a_box_and_a_label() -> None:
    first = PHOTOS.targets[0]
    moved = Target(first.boxes + 1, first.labels)
    renamed = Target(first.boxes, first.labels[::-1])
    others = [
        rectangles(4),
        replace(PHOTOS, class_names=("red", "green")),
        replace(PHOTOS, targets=(moved, *PHOTOS.targets[1:])),
        replace(PHOTOS, targets=(renamed, *PHOTOS.targets[1:])),
    ]
    hashes = [data_hash(photos) for photos in (PHOTOS, *others)]
    assert len(set(hashes)) == 5
    assert data_hash(rectangles(3)) == hashes[0]


@pytest.mark.parametrize("flag", ["difficult", "crowd"])
def test_an_object_that_counts_no_more_is_another_annotation(flag: str) -> None:
    other = with_first(PHOTOS, Target(BOXES, LABELS, **{flag: [True, False]}))
    before, now = ({"source": "voc", **data_facts(train, None)} for train in (PHOTOS, other))
    with pytest.raises(ValueError, match=r"mine was begun with other photos or annotations than those of voc"):
        check_data(Path("mine"), before, now)


def test_photos_to_validate_on_are_the_same_too() -> None:
    first = JUDGED.targets[0]
    before = data_facts(PHOTOS, JUDGED)
    check_data(Path("mine"), before, data_facts(PHOTOS, rectangles(2, seed=1)))
    moved = with_first(JUDGED, Target(first.boxes + 1, first.labels))
    ignored = with_first(JUDGED, Target(first.boxes, first.labels, difficult=[True, False]))
    for other in (moved, ignored, None):
        with pytest.raises(ValueError, match="begun with other photos or annotations to validate on"):
            check_data(Path("mine"), before, data_facts(PHOTOS, other))


def test_a_run_of_an_earlier_version_goes_on() -> None:
    facts = data_facts(PHOTOS, JUDGED)
    check_data(Path("mine"), {"data": facts["data"], "photos": 3}, facts)
