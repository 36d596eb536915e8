from pathlib import Path

import pytest

from detection.converters.image_ids import by_id
from detection.converters.rows import RowsBuilder
from detection.image_names import ImageNames
from detection.results import DetectionsFileError

COCO = ImageNames(["139", "2", "1"], [Path("val/000000000139.jpg"), Path("val/1.jpg"), Path("val/2.jpg")])


def rows(*images, empty=()):
    """Rows of a file, an image a line."""
    builder = RowsBuilder(Path("found.txt"))
    for line, image in enumerate(images, start=1):
        builder.add([line], [image], ["cat"], [0.5, 0.0, 0.0, 1.0, 1.0])
    for line, image in enumerate(empty, start=len(images) + 1):
        builder.add_empty(line, image)
    return builder.rows()


def test_the_path_of_a_file_is_known_by_its_name_without_folder_and_suffix():
    found = by_id(rows("b/0002.jpg", "0001.jpg", "b/0002.jpg"), ImageNames(["0001", "0002"]))
    assert list(found.images) == ["0002", "0001", "0002"]


def test_an_id_of_the_data_set_comes_before_what_it_could_stand_for():
    assert list(by_id(rows("1.jpg", "1"), ImageNames(["1", "1.jpg"])).images) == ["1.jpg", "1"]


@pytest.mark.parametrize(
    "name", ["000000000139.jpg", "000000000139", "val2017/000000000139.jpg", r"C:\val\000000000139.jpg"]
)
def test_a_photo_gets_the_id_that_it_has_in_the_data_set(name):
    found = by_id(rows(name, "2", empty=["2.jpg"]), COCO)
    assert list(found.images) == ["139", "2"]
    assert found.empty == {"1": 3}


def test_what_the_data_set_does_not_have_keeps_its_name():
    found = rows("x", "#7")
    assert by_id(found, COCO) is found
    assert list(by_id(rows("x", "000000000139"), COCO).images) == ["x", "139"]


def test_two_files_cannot_be_one_image():
    with pytest.raises(DetectionsFileError, match=r"found\.txt:2: images 'a/1\.jpg' and 'b/1\.jpg' would both be '1'"):
        by_id(rows("a/1.jpg", "b/1.jpg"), ImageNames(["1"]))


def test_a_name_that_photos_share_is_refused():
    names = ImageNames(["1", "2"], [Path("a/cat.jpg"), Path("b/cat.jpg")])
    assert list(by_id(rows("far/b/cat.jpg"), names).images) == ["2"]
    with pytest.raises(
        DetectionsFileError, match=r"found\.txt:2: image 'cat': 2 photos of the data set have this name"
    ):
        by_id(rows("1", "cat"), names)
