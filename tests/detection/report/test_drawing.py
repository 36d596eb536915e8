"""Boxes and labels on images."""

from collections.abc import Mapping

import numpy as np
import pytest

from detection.report.colours import class_colours
from detection.report.drawing import draw, draw_detections, letter_size, line_width
from detection.results import ImageDetections
from detection.structures import Detections

GREY = 100


def photo(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def found(
    width: int, height: int, *boxes: tuple[float, float, float, float], scores: list[float] | None = None
) -> ImageDetections:
    scores = [0.9] * len(boxes) if scores is None else scores
    labels = ("dog", "cat", "bird")[: len(boxes)]
    return ImageDetections("a.jpg", "a.jpg", width, height, np.array(boxes).reshape(-1, 4), labels, np.array(scores), 0)


def changed(width: int, height: int, *boxes: tuple[float, float, float, float]) -> np.ndarray:
    return (drawn_on(photo(width, height), found(width, height, *boxes)) != GREY).any(axis=2)


def drawn_on(image: np.ndarray, found: ImageDetections, threshold: Mapping[str, float] | float = 0.5) -> np.ndarray:
    return draw_detections(image, found, threshold=threshold, colours=class_colours(found.labels))


def test_nothing_found_leaves_the_photo_as_it_is_and_is_a_copy() -> None:
    image = photo(50, 40)
    drawn = drawn_on(image, found(50, 40))
    assert np.array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


def test_what_a_detector_gives_is_drawn_like_its_record_in_the_colours_of_all_classes() -> None:
    image = photo(500, 375)
    pair = Detections(np.array([[10, 100, 200, 300], [30, 40, 90, 90]]), np.array([0.9, 0.3]), np.array([1, 0]))
    names = ["cat", "dog"]
    record = ImageDetections.of(pair, names, id="a", path="a", size=(500, 375), seconds=0)
    colours = class_colours(names)
    for threshold in (0, 0.5):
        expected = draw_detections(image, record, threshold=threshold, colours=colours)
        assert np.array_equal(draw(image, pair, names, threshold=threshold), expected)
    assert np.array_equal(draw(image, pair[0], names), draw_detections(image, record, colours=colours))


def test_a_class_keeps_its_colour_from_photo_to_photo() -> None:
    """Of two that ask for the same colour, the first of all classes has it, whichever was found."""
    names = [f"class {number}" for number in range(8)]
    for label, name in enumerate(names):
        found = Detections(np.array([[100, 100, 300, 300]]), np.array([0.9]), np.array([label]))
        assert tuple(draw(photo(500, 375), found, names)[200, 100]) == class_colours(names)[name]


def test_the_photo_given_is_not_drawn_on() -> None:
    image = photo(500, 375)
    image.flags.writeable = False
    assert (drawn_on(image, found(500, 375, (10, 100, 200, 300))) != image).any()


def test_the_line_lies_inside_the_box() -> None:
    """Columns 100 to 299, rows 150 to 249; the dark edge around the line is outside and inside."""
    blue = class_colours(["dog"])["dog"]
    drawn = drawn_on(photo(500, 375), found(500, 375, (100, 150, 300, 250)))
    line = (drawn == blue).all(axis=2)
    assert np.flatnonzero(line[200]).tolist() == [100, 101, 298, 299]
    assert np.flatnonzero(line[:, 290]).tolist() == [150, 151, 248, 249]
    edge = (drawn == 0).all(axis=2)
    assert np.flatnonzero(edge[200]).tolist() == [99, 102, 297, 300]
    assert np.flatnonzero((drawn != GREY).any(axis=2)[200]).tolist() == [99, 100, 101, 102, 297, 298, 299, 300]


def test_the_inside_of_a_box_is_left_as_it_is() -> None:
    assert not changed(500, 375, (100, 150, 300, 250))[153:247, 103:297].any()


def test_a_box_along_the_border_shows_on_all_sides() -> None:
    border = changed(500, 375, (0, 0, 500, 375))
    for side in (border[:, 0], border[:, -1], border[0], border[-1]):
        assert side.all()


@pytest.mark.parametrize(
    "box",
    [(-50, -20, 600, 900), (480, 10, 1e9, 20), (20, 20, 20, 20), (499.5, 374.5, 500, 375), (10, 0, 12, 375)],
    ids=["larger than the photo", "far out", "no area", "a corner", "thin"],
)
def test_any_box_can_be_drawn(box: tuple[float, float, float, float]) -> None:
    assert changed(500, 375, box).any()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (32, 32), (64, 48), (4000, 100)])
def test_any_photo_can_be_drawn_on(size: tuple[int, int]) -> None:
    assert changed(*size, (0, 0, *size)).any()


def test_only_what_scores_the_threshold_is_drawn() -> None:
    boxes = (100, 100, 200, 200), (300, 100, 400, 200)
    drawn = drawn_on(photo(500, 375), found(500, 375, *boxes, scores=[0.5, 0.49999]), threshold=0.5)
    assert (drawn[150, 95:110] != GREY).any()
    assert (drawn[150, 295:] == GREY).all()


def test_the_best_lies_on_top() -> None:
    same = (100.0, 100.0, 300.0, 300.0)
    drawn = drawn_on(photo(500, 375), found(500, 375, same, same, scores=[0.6, 0.9]))
    assert tuple(drawn[200, 100]) == class_colours(["dog", "cat"])["cat"]


def test_labels_of_boxes_with_the_same_corner_do_not_cover_one_another() -> None:
    """The second label stands below the first, inside the box, and its ground is seen as if it were alone."""
    same = (100.0, 100.0, 300.0, 300.0)
    colours = class_colours(["dog", "cat"])
    both = draw_detections(photo(500, 375), found(500, 375, same, same, scores=[0.8, 0.9]), colours=colours)
    for name, scores, rows in (("cat", [0.0, 0.9], slice(80, 99)), ("dog", [0.8, 0.0], slice(103, 120))):
        alone = draw_detections(photo(500, 375), found(500, 375, same, same, scores=scores), colours=colours)
        ground = (alone[80:99, 104:296] == colours[name]).all(axis=2).sum()
        assert (both[rows, 104:296] == colours[name]).all(axis=2).sum() > 0.75 * ground


def test_labels_stay_within_the_photo() -> None:
    """At the top right corner the label has no room above or to the right: it is the same plate, moved inside."""
    inside = changed(500, 375, (200, 100, 300, 200))[:100].sum()
    corner = changed(500, 375, (490, 0, 500, 60))[:, :488].sum()
    assert corner > 0.7 * inside


def test_lines_and_letters_grow_with_the_photo_but_less_than_it() -> None:
    sizes = [(64, 64), (500, 375), (1000, 750), (4000, 3000), (8000, 6000)]
    for measure in (line_width, letter_size):
        values = [measure(*size) for size in sizes]
        assert values == sorted(values)
        assert values[3] > 3 * values[1]
        assert values[3] < 8 * values[1]
    assert (line_width(500, 375), letter_size(500, 375)) == (2, 14)


def test_a_label_can_be_read_in_a_photo_of_any_size() -> None:
    for width, height in ((500, 375), (1500, 1000), (4000, 3000)):
        assert letter_size(width, height) >= 0.02 * min(width, height)


def test_detections_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"image 'a\.jpg' is 50 x 40, its detections 40 x 50"):
        drawn_on(photo(50, 40), found(40, 50))


def test_every_class_may_have_its_own_threshold() -> None:
    boxes = (100, 100, 200, 200), (300, 100, 400, 200)
    both = found(500, 375, *boxes, scores=[0.5, 0.5])
    drawn = drawn_on(photo(500, 375), both, threshold={both.labels[0]: 0.4, both.labels[1]: 0.6})
    assert (drawn[150, 95:110] != GREY).any()
    assert (drawn[150, 295:] == GREY).all()
