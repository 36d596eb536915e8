"""Properties of the box geometry, against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from detection.boxes import (
    Boxes,
    area,
    as_boxes,
    clip,
    flip_horizontal,
    from_one_based_inclusive,
    iou,
    to_one_based_inclusive,
)

# Eighths of pixels: float32 adds and subtracts them exactly, so that properties hold to the last bit.
COORDINATES = st.integers(-8_000, 40_000).map(lambda eighth: eighth / 8)
SIDES = st.integers(1, 40_000).map(lambda eighth: eighth / 8)
IMAGES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))  # width, height


@st.composite
def boxes_with_area(draw: st.DrawFn, most: int = 6) -> Boxes:
    rows = draw(st.lists(st.tuples(COORDINATES, COORDINATES, SIDES, SIDES), max_size=most))
    return as_boxes([(x, y, x + width, y + height) for x, y, width, height in rows])


def pixels_of(box: NDArray[np.float32]) -> set[tuple[int, int]]:
    x1, y1, x2, y2 = (int(corner) for corner in box)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


@st.composite
def small_whole_boxes(draw: st.DrawFn) -> Boxes:
    """Boxes with whole corners, some of them empty or inverted, that overlap often."""
    corners = st.integers(0, 9)
    return as_boxes(draw(st.lists(st.tuples(corners, corners, corners, corners), max_size=5)))


@given(small_whole_boxes(), small_whole_boxes())
def test_iou_counts_common_and_covered_pixels(boxes: Boxes, others: Boxes) -> None:
    result = iou(boxes, others)
    assert result.shape == (len(boxes), len(others))
    assert result.dtype == np.float32
    for row, box in enumerate(boxes):
        for column, other in enumerate(others):
            mine, theirs = pixels_of(box), pixels_of(other)
            expected = len(mine & theirs) / len(mine | theirs) if mine | theirs else 0
            assert result[row, column] == np.float32(expected)


@given(small_whole_boxes())
def test_area_counts_pixels(boxes: Boxes) -> None:
    assert area(boxes).tolist() == [len(pixels_of(box)) for box in boxes]


@given(boxes_with_area(), boxes_with_area())
def test_iou_is_symmetric_and_between_0_and_1(boxes: Boxes, others: Boxes) -> None:
    result = iou(boxes, others)
    assert np.array_equal(result, iou(others, boxes).T)
    assert ((result >= 0) & (result <= 1)).all()


@given(boxes_with_area())
def test_a_box_overlaps_itself_wholly(boxes: Boxes) -> None:
    assert (np.diagonal(iou(boxes, boxes)) == 1).all()


@given(boxes_with_area(), boxes_with_area())
def test_iou_by_the_devkits_formula_is_the_same(boxes: Boxes, others: Boxes) -> None:
    """With 1-based inclusive corners every side needs ``+ 1``; here none does."""
    a, b = (to_one_based_inclusive(item).astype(np.float64) for item in (boxes, others))
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]) + 1
    common = np.where((sides > 0).all(axis=2), sides.prod(axis=2), 0)
    sizes = [(item[:, 2:] - item[:, :2] + 1).prod(axis=1) for item in (a, b)]
    expected = common / (sizes[0][:, None] + sizes[1][None] - common)
    assert iou(boxes, others) == pytest.approx(expected, abs=1e-6)


@given(boxes_with_area(), IMAGES)
def test_clip_keeps_boxes_in_the_image_and_is_done_once(boxes: Boxes, image: tuple[int, int]) -> None:
    width, height = image
    clipped = clip(boxes, width, height)
    assert (clipped >= 0).all()
    assert (clipped <= np.array([width, height, width, height])).all()
    assert np.array_equal(clip(clipped, width, height), clipped)
    inside = ((boxes >= 0) & (boxes <= np.array([width, height, width, height]))).all(axis=1)
    assert np.array_equal(clipped[inside], boxes[inside])


@given(boxes_with_area(), st.integers(1, 5000))
def test_flipping_twice_changes_nothing(boxes: Boxes, width: int) -> None:
    flipped = flip_horizontal(boxes, width)
    assert np.array_equal(flip_horizontal(flipped, width), boxes)
    assert np.array_equal(area(flipped), area(boxes))


def test_flipping_moves_a_box_with_its_pixels() -> None:
    image = np.zeros((4, 10), bool)
    image[1:3, 2:5] = True
    x1, y1, x2, y2 = flip_horizontal(as_boxes([[2, 1, 5, 3]]), 10)[0].astype(int)
    mirrored = np.zeros_like(image)
    mirrored[y1:y2, x1:x2] = True
    assert np.array_equal(mirrored, image[:, ::-1])


@given(boxes_with_area())
def test_conversions_there_and_back(boxes: Boxes) -> None:
    assert np.array_equal(from_one_based_inclusive(to_one_based_inclusive(boxes)), boxes)
    for convert in (to_one_based_inclusive, from_one_based_inclusive):
        assert convert(boxes).dtype == np.float32
        assert convert(boxes).shape == (len(boxes), 4)


@pytest.mark.parametrize(
    ("one_based", "house"),
    [
        ([1, 1, 500, 375], [0, 0, 500, 375]),  # the whole of a VOC photo
        ([48, 240, 195, 371], [47, 239, 195, 371]),  # VOC2007, 000001: a dog
        ([7, 7, 7, 7], [6, 6, 7, 7]),  # a single pixel
    ],
)
def test_one_based_inclusive_boxes(one_based: list[float], house: list[float]) -> None:
    assert from_one_based_inclusive(as_boxes([one_based])).tolist() == [house]
    assert to_one_based_inclusive(as_boxes([house])).tolist() == [one_based]


@pytest.mark.parametrize("empty", [[], np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4), np.float32)])
def test_no_boxes_are_an_array_too(empty: object) -> None:
    boxes = as_boxes(empty)  # type: ignore[arg-type]
    assert boxes.shape == (0, 4)
    assert boxes.dtype == np.float32
    assert iou(boxes, as_boxes([[0, 0, 1, 1]])).shape == (0, 1)
    assert area(boxes).shape == (0,)
    for result in (clip(boxes, 5, 5), flip_horizontal(boxes, 5)):
        assert result.shape == (0, 4)


@given(arrays(np.float32, array_shapes(max_dims=3, max_side=5), elements=st.floats(-100, 100, width=32)))
def test_a_wrong_shape_is_refused(array: NDArray[np.float32]) -> None:
    if array.ndim == 2 and array.shape[1] == 4:
        assert np.array_equal(as_boxes(array), array)
    else:
        with pytest.raises(ValueError, match=r"expected boxes of shape \(R, 4\), got"):
            as_boxes(array)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_coordinate_that_is_no_number_is_refused_with_its_row(number: float) -> None:
    boxes = np.array([[0, 0, 1, 1], [0, number, 1, 1]])
    with pytest.raises(ValueError, match="box 1 has a coordinate that is not a finite number"):
        as_boxes(boxes)


def test_the_arguments_stay_as_they_are() -> None:
    boxes = as_boxes([[-5, -5, 20, 20]])
    before = boxes.copy()
    clip(boxes, 10, 10)
    flip_horizontal(boxes, 10)
    from_one_based_inclusive(boxes)
    assert np.array_equal(boxes, before)
