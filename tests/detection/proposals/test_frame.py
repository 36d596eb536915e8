import numpy as np
import pytest

from detection.proposals.frame import from_frame, to_frame


def image_of(height, width):
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("shape", "width", "expected"),
    [
        pytest.param((375, 500), 500, (375, 500), id="as it is"),
        pytest.param((480, 640), 500, (375, 500), id="down"),
        pytest.param((100, 50), 500, (1000, 500), id="up"),
        pytest.param((333, 250), 500, (666, 500), id="odd"),
        pytest.param((1, 4000), 500, (1, 500), id="a row stays a row"),
        pytest.param((1, 1), 500, (500, 500), id="one pixel"),
        pytest.param((200, 1), 500, (5000, 25), id="a strip is ten widths high"),
        pytest.param((4000, 2), 100, (1000, 1), id="and at least one pixel wide"),
        pytest.param((37, 91), None, (37, 91), id="no width"),
    ],
)
def test_the_size_of_the_frame(shape, width, expected):
    assert to_frame(image_of(*shape), width).shape[:2] == expected


def test_the_frame_of_a_view_is_contiguous_and_the_same():
    image = image_of(30, 40)
    assert (to_frame(image[:, ::-1], 20) == to_frame(np.ascontiguousarray(image[:, ::-1]), 20)).all()
    assert to_frame(image[:, ::-1], None).flags.c_contiguous


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(np.zeros((5, 5), np.uint8), r"RGB image.*\(5, 5\) of uint8", id="grey"),
        pytest.param(np.zeros((5, 5, 4), np.uint8), r"RGB image.*\(5, 5, 4\)", id="RGBA"),
        pytest.param(np.zeros((5, 5, 3), np.float32), "RGB image.*float32", id="floats"),
        pytest.param(np.zeros((0, 5, 3), np.uint8), r"without pixels.*\(0, 5, 3\)", id="empty"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        to_frame(image, 500)


@pytest.mark.parametrize(
    ("shape", "width"),
    [
        pytest.param((1, 65_536), None, id="a side"),
        pytest.param((7072, 7072), None, id="pixels"),
        pytest.param((1, 1), 65_536, id="resized"),
    ],
)
def test_an_image_that_is_too_large_is_refused_in_words(shape, width):
    image = np.broadcast_to(np.uint8(0), (*shape, 3))
    with pytest.raises(ValueError, match=rf"{shape[1]} x {shape[0]} pixels is too large.*width {width}.*65,535.*500"):
        to_frame(image, width)


@pytest.mark.parametrize("shape", [(334, 333), (500, 327), (318, 480), (61, 7), (2000, 3008)])
def test_the_whole_frame_comes_back_as_the_whole_image(shape):
    image = image_of(*shape)
    frame = to_frame(image, 500)
    whole = np.array([[0, 0, frame.shape[1], frame.shape[0]]], np.float32)
    found = from_frame(whole, np.zeros(1, np.float32), frame, image, 1).boxes
    assert np.allclose(found, [[0, 0, shape[1], shape[0]]], rtol=1e-6)
    assert (found <= [[0, 0, shape[1], shape[0]]]).all()


def test_small_boxes_are_dropped_in_the_frame():
    image, frame = image_of(100, 100), image_of(200, 200)
    boxes = np.array([[0, 0, 20, 20], [0, 0, 19, 200], [0, 0, 200, 19], [100, 100, 121, 140]], np.float32)
    found = from_frame(boxes, np.arange(4, dtype=np.float32), frame, image, 20)
    assert found.boxes.tolist() == [[0, 0, 10, 10], [50, 50, 60.5, 70]]
    assert found.scores.tolist() == [0, 3]


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[0, 0, 10, 10]])])
def test_where_no_box_is_left_the_whole_image_is_proposed(boxes):
    image = image_of(12, 17)
    found = from_frame(boxes.astype(np.float32), np.zeros(len(boxes), np.float32), image, image, 20)
    assert found.boxes.tolist() == [[0, 0, 17, 12]]
