import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.judgement import judge
from detection.evaluation.strata import strata
from detection.evaluation.voc import VOC10
from tests.detection.evaluation.random_case import CLASSES, IMAGES, objects_of, random_case, table


def parts(judgement, attribute, sizes=None) -> dict[str, tuple]:
    chosen = [part for part in strata(judgement, sizes) if part.attribute == attribute]
    return {part.name: (part.objects, part.found, part.average_precision) for part in chosen}


def test_sizes_and_what_is_false_in_each():
    """A small object found behind a small false detection; a large one found; a medium one missed."""
    truth = objects_of((0, 0, 0, 0, 31, 33), (0, 0, 100, 0, 132, 32), (1, 0, 0, 0, 96, 96))
    found = table((0, 0, 0.9, 50, 50, 60, 60), (0, 0, 0.8, 0, 0, 31, 33), (1, 0, 0.7, 0, 0, 96, 96))
    by_size = parts(judge(VOC10, found, truth, ["a"]), "area")
    assert by_size == {"small": (1, 1, 0.5), "medium": (1, 0, 0), "large": (1, 1, 1)}


def test_quarters_hold_as_many_objects():
    truth = objects_of(*((0, 0, 0, 0, side, side) for side in range(1, 41)))
    counts = [objects for objects, _, _ in parts(judge(VOC10, table(), truth, ["a"]), "area, by quarters").values()]
    assert counts == [10, 10, 10, 10]


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [(10, 21, "very tall"), (10, 20, "tall"), (10, 10, "square"), (20, 10, "very wide"), (19, 10, "wide")],
)
def test_shapes(width, height, name):
    by_shape = parts(judge(VOC10, table(), objects_of((0, 0, 0, 0, width, height)), ["a"]), "width / height")
    assert [part for part, (objects, _, _) in by_shape.items() if objects] == [name]


def test_neighbours_are_overlapping_objects_of_the_class_and_image():
    row = [(0, 0, 10 * place, 0, 10 * place + 11, 10) for place in range(4)]  # a chain of four
    truth = objects_of(*row, (0, 1, 0, 0, 11, 10), (1, 0, 0, 0, 11, 10), (0, 0, 80, 0, 90, 10), (0, 0, 90, 0, 99, 10))
    crowding = parts(judge(VOC10, table(), truth, ["a", "b"]), "overlapping objects of the class")
    assert {name: objects for name, (objects, _, _) in crowding.items()} == {
        "alone": 4,
        "1 neighbour": 2,
        "2 or 3": 2,
        "4 or more": 0,
    }
    assert all(np.isnan(ap) for _, _, ap in crowding.values())


def test_the_border_of_the_image():
    sizes = np.array([[100, 80], [np.nan, np.nan]])
    truth = objects_of(
        (0, 0, 1, 1, 9, 9), (0, 0, 0.5, 1, 9, 9), (0, 0, 50, 50, 99.5, 60), (0, 0, 60, 60, 99, 79), (1, 0, 0, 0, 9, 9)
    )
    judgement = judge(VOC10, table(), truth, ["a"])
    border = parts(judgement, "border of the image", sizes)
    assert {name: objects for name, (objects, _, _) in border.items()} == {
        "touches the border": 2,
        "inside": 2,
        "image size unknown": 1,
    }
    assert parts(judgement, "border of the image") == {}
    assert parts(judgement, "border of the image", np.full((2, 2), np.nan)) == {}


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_parts_make_the_whole(seed):
    judgement = judge(VOC10, *random_case(seed), CLASSES)
    sizes = np.full((IMAGES, 2), 90.0)
    sizes[0] = np.nan
    every = strata(judgement, sizes)
    json.dumps([part.summary() for part in every], allow_nan=False)
    for attribute in {part.attribute for part in every}:
        same = [part for part in every if part.attribute == attribute]
        assert sum(part.objects for part in same) == judgement.sought.sum()
        assert sum(part.found for part in same) == judgement.found.sum()


def test_a_part_that_is_all_has_the_average_precision_of_all():
    detections, objects = random_case(11)
    judgement = judge(VOC10, detections, objects, CLASSES)
    whole = parts(judgement, "border of the image", np.full((IMAGES, 2), -1.0))["touches the border"]
    assert whole[2] == pytest.approx(judgement.mean_ap)


def test_nothing_at_all():
    assert all(
        part.objects == 0 and np.isnan(part.recall) for part in strata(judge(VOC10, table(), objects_of(), ["a"]))
    )
