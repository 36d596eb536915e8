from pathlib import Path

import numpy as np
import pytest

from detection.converters.rows import RowsBuilder
from detection.evaluation.naming import ClassNames, UnknownClassError, UnknownImageError, place
from detection.evaluation.tables import DetectionTable

FILE = Path("found.txt")
CLASSES = ClassNames(["cat", "Dog"])


def rows(*found, empty=()):
    """Rows of (line, image, class)."""
    builder = RowsBuilder(FILE)
    for line, image, label in found:
        builder.add([line], [image], [label], [line / 10, 0.0, 0.0, 1.0, 1.0])
    for line, image in empty:
        builder.add_empty(line, image)
    return builder.rows()


@pytest.mark.parametrize(
    ("name", "label"), [("cat", 0), ("CAT", 0), (" cat ", 0), ("dog", 1), ("Dog", 1), ("cats", None), ("", None)]
)
def test_names_are_found_in_any_case(name, label):
    assert CLASSES.label(name) == label


def test_where_case_tells_classes_apart_it_must_be_right():
    classes = ClassNames(["Polish", "polish", "Cat"])
    assert [classes.label(name) for name in ("Polish", "polish", "POLISH", "CAT")] == [0, 1, None, 2]


@pytest.mark.parametrize("class_names", [["airplane", "ant"], ["n02691156", "ant"]])
def test_wordnet_ids_and_words_name_the_same_class(class_names):
    classes = ClassNames(class_names, [("n02691156", "airplane"), ("n00000000", "zebra")])
    assert classes.label("airplane") == classes.label("N02691156") == 0
    assert classes.label("zebra") is None


def test_detections_keep_the_order_of_their_files():
    placed = place([rows((5, "b", "dog"), (6, "a", "cat")), rows((1, "b", "CAT"))], ["a", "b", "c"], CLASSES)
    assert placed.table.images.tolist() == [1, 0, 1]
    assert placed.table.labels.tolist() == [1, 0, 0]
    assert placed.table.scores.tolist() == [0.5, 0.6, 0.1]
    assert placed.images.tolist() == [True, True, False]
    assert placed.left_out == {}


def test_an_image_in_which_nothing_was_found_is_spoken_of():
    assert place([rows(empty=[(1, "b")])], ["a", "b"], CLASSES).images.tolist() == [False, True]


def test_no_files_and_empty_files_place_nothing():
    assert len(place([], ["a"], CLASSES).table) == len(place([rows()], [], CLASSES).table) == 0


def test_an_unknown_image_is_refused_with_its_line():
    with pytest.raises(UnknownImageError) as error:
        place([rows((1, "a", "cat"), (2, "x", "cat"), (3, "y", "cat"), (4, "x", "cat"))], ["a", "b"], CLASSES)
    expected = "found.txt:2: image 'x' is not among the 2 of the data set, such as 'a' (nor are 1 others of this file)"
    assert str(error.value) == expected


def test_an_unknown_image_without_detections_is_refused_too():
    with pytest.raises(UnknownImageError, match=r"found\.txt:7: image 'x'"):
        place([rows(empty=[(7, "x")])], ["a"], CLASSES)


def test_unknown_classes_are_refused_with_the_first_line_and_all_their_names():
    with pytest.raises(UnknownClassError) as error:
        place([rows((1, "a", "cat"), (2, "a", "cow"), (3, "a", "bird"), (4, "a", "cow"))], ["a"], CLASSES)
    expected = "found.txt:2: class 'cow' is not in the data set; it has: cat, Dog; unknown are: cow (2), bird (1)"
    assert str(error.value) == expected


def test_a_message_does_not_list_hundreds_of_classes():
    with pytest.raises(UnknownClassError, match=r"it has: 0, 1, .*, 39 and 160 more; unknown are: cow"):
        place([rows((1, "a", "cow"))], ["a"], ClassNames([str(number) for number in range(200)]))


def test_unknown_classes_can_be_left_out_and_are_counted():
    found = rows((1, "a", "cat"), (2, "a", "cow"), (3, "a", "cow"))
    placed = place([found], ["a"], CLASSES, ignore_unknown_classes=True)
    assert placed.table.labels.tolist() == [0]
    assert placed.left_out == {"cow": 2}


def test_chosen_images_are_numbered_anew():
    table = DetectionTable(np.array([4, 0, 2, 4]), np.arange(4), np.arange(4.0), np.zeros((4, 4)))
    chosen = table.in_images([2, 4, 9])
    assert chosen.images.tolist() == [1, 0, 1]
    assert chosen.labels.tolist() == [0, 2, 3]
    assert len(table.in_images([])) == 0
    assert len(DetectionTable.of([]).in_images([0, 1])) == 0


def class_file(label, *images):
    builder = RowsBuilder(Path(f"comp4_det_test_{label}.txt"))
    for line, image in enumerate(images, start=1):
        builder.add([line], [image], [label], [0.5, 0.0, 0.0, 1.0, 1.0])
    return builder.rows(class_of_file=label)


def test_a_class_beside_files_of_all_others_is_not_misnamed():
    files = [class_file("bird", "one"), class_file("cat"), class_file("dog", "one")]
    placed = place(files, ["one"], CLASSES)
    assert placed.left_out == {"bird": 1}
    assert placed.table.labels.tolist() == [1]
    with pytest.raises(UnknownClassError, match=r"bird\.txt:1: class 'bird' is not in the data set"):
        place(files[:2], ["one"], CLASSES)  # a dog, perhaps
