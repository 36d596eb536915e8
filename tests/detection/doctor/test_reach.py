"""Objects that no proposal reaches."""

from pathlib import Path

import numpy as np
import pytest

from detection.doctor.contents import Entry, Thing
from detection.doctor.photos import look_at
from detection.doctor.reach import Reach, reach
from detection.proposals.store import ProposalStore
from detection.structures import Proposals, RGBImage
from tests.detection.doctor.planted import save, scene

SIZE = (300, 200)


class LeftHalf:
    """Proposes the left half of a photo, and refuses tall ones."""

    settings = {"method": "left-half"}  # noqa: RUF012  # never changed

    def __call__(self, image: RGBImage) -> Proposals:
        height, width = image.shape[:2]
        if height > width:
            raise ValueError("too tall")
        return Proposals(np.array([[0, 0, width / 2, height]], np.float32))


@pytest.fixture
def reached(tmp_path: Path) -> Reach:
    things = (
        Thing("object 1", "cat", (0, 0, 140, 190), True),  # large, reached
        Thing("object 2", "cat", (-20, 0, 160, 210), True),  # reached, as it is cut to the photo
        Thing("object 3", "cat", (200, 100, 300, 200), True),
        Thing("object 4", "dog", (10, 10, 20, 20), True),
        Thing("object 5", "dog", (10, 10, 20, 20), False),
        Thing("object 6", "dog", (20, 10, 10, 20), True),
        Thing("object 7", "dog", (400, 10, 410, 20), True),
    )
    wide = save(tmp_path / "wide.jpg", scene(1, SIZE))
    tall = save(tmp_path / "tall.jpg", scene(2, SIZE[::-1]))
    entries = [
        Entry("train", wide, "wide.jpg", None, things),
        Entry("train", tall, "tall.jpg", None, things[:1]),
        Entry("train", tmp_path / "gone.jpg", "gone.jpg", None, things),
        Entry("train", wide, "wide.jpg", None, ()),
    ]
    photos = {entry.photo: look_at(entry.photo) for entry in entries}
    return reach(entries, photos, ProposalStore(tmp_path / "store", LeftHalf()), 1, lambda *_: None)


def test_objects_are_counted_by_class_and_size(reached: Reach) -> None:
    assert reached.objects == {("cat", "large"): 3, ("dog", "small"): 1}
    assert reached.missed == {("cat", "large"): 1, ("dog", "small"): 1}


def test_a_case_names_the_object(reached: Reach) -> None:
    assert [(case.photo, case.object, case.detail) for case in reached.cases] == [
        ("wide.jpg", "object 3 (cat)", "100 x 100 pixels, best IoU 0.000"),
        ("wide.jpg", "object 4 (dog)", "10 x 10 pixels, best IoU 0.003"),
    ]


def test_a_photo_without_proposals_is_told(reached: Reach) -> None:
    (failure,) = reached.failures
    assert failure.endswith("tall.jpg: too tall")
