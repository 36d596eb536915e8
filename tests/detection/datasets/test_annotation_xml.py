"""Annotation files: what is read, and how each kind of damage is named."""

from pathlib import Path

import numpy as np
import pytest

from detection.datasets.annotation_xml import read_annotation
from tests.detection.datasets.trees import annotation_xml, object_xml, write

CAT = ("cat", 1, 2, 30, 20)


def test_the_objects_of_a_file(tmp_path: Path) -> None:
    hard = object_xml("dog", (3, 4, 5, 6), "<pose>Left</pose><truncated>1</truncated><difficult> 1 </difficult>")
    easy = object_xml("dog", (3, 4, 5, 6), "<difficult>0</difficult>")
    annotation = read_annotation(write(tmp_path / "a.xml", annotation_xml([CAT, hard, easy], (500, 375))))
    assert annotation.size == (500, 375)
    assert annotation.names == ("cat", "dog", "dog")
    assert annotation.boxes.tolist() == [[0, 1, 30, 20], [2, 3, 5, 6], [2, 3, 5, 6]]
    assert annotation.difficult == (False, True, False)  # without the element an object is not difficult


@pytest.mark.parametrize(
    ("text", "difficult"), [("True", True), ("false", False), ("Unspecified", False), ("", False), ("1", True)]
)
def test_difficult_as_tools_write_it(text: str, difficult: bool, tmp_path: Path) -> None:
    dog = object_xml("dog", (3, 4, 5, 6), f"<difficult>{text}</difficult>")
    assert read_annotation(write(tmp_path / "a.xml", annotation_xml([dog]))).difficult == (difficult,)


def test_no_objects_and_no_size(tmp_path: Path) -> None:
    annotation = read_annotation(write(tmp_path / "a.xml", annotation_xml([], None)))
    assert annotation.names == ()
    assert annotation.boxes.shape == (0, 4)
    assert annotation.size is None


@pytest.mark.parametrize("size", ["<width>0</width><height>0</height>", "<width>x</width>", "<width/><height/>", ""])
def test_a_size_that_is_none_is_not_stated(size: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", f"<annotation><size>{size}</size></annotation>")
    assert read_annotation(path).size is None


def test_corners_in_any_order_with_fractions_and_spaces(tmp_path: Path) -> None:
    box = "<bndbox><ymax> 20.5 </ymax><xmin>2.25</xmin>\n<xmax>30</xmax><ymin>4</ymin></bndbox>"
    text = f"<annotation><object><name> cat\n</name>{box}</object></annotation>"
    annotation = read_annotation(write(tmp_path / "a.xml", text))
    assert annotation.boxes.tolist() == [[1.25, 3, 30, 20.5]]
    assert annotation.names == ("cat",)


def test_parts_of_an_object_are_not_objects(tmp_path: Path) -> None:
    """VOC's person layout has <part> elements with boxes of their own."""
    part = "<part><name>head</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>8</xmax><ymax>8</ymax></bndbox></part>"
    annotation = read_annotation(write(tmp_path / "a.xml", annotation_xml([object_xml("person", (1, 2, 3, 4), part)])))
    assert annotation.names == ("person",)
    assert annotation.boxes.tolist() == [[0, 1, 3, 4]]


def test_a_box_of_one_pixel_is_legal(tmp_path: Path) -> None:
    annotation = read_annotation(write(tmp_path / "a.xml", annotation_xml([("cat", 7, 7, 7, 7)])))
    assert annotation.boxes.tolist() == [[6, 6, 7, 7]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    text = f"<?xml version='1.0' encoding='{declared}'?>" + annotation_xml([("café", 1, 2, 3, 4)])
    path = tmp_path / "a.xml"
    path.write_bytes(text.encode(encoding))
    assert read_annotation(path).names == ("café",)


def with_box(*corners: float | str) -> str:
    return annotation_xml([CAT, object_xml("dog", corners)])


LAUGHS = "<!DOCTYPE a [<!ENTITY x 'ha'><!ENTITY y '&x;&x;&x;'>]><annotation><folder>&y;</folder></annotation>"
FILE = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><annotation>&x;</annotation>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"empty annotation file \(0 bytes\)"),
        (" \n", r"empty annotation file \(2 bytes\)"),
        (annotation_xml([CAT])[:-30], "truncated or damaged XML: "),
        ("not XML", "truncated or damaged XML: syntax error"),
        ("<?xml version='1.0' encoding='klingon'?><annotation/>", "truncated or damaged XML: "),
        (LAUGHS, r"declares a document type \(<!DOCTYPE>\)"),
        (FILE, r"declares a document type \(<!DOCTYPE>\)"),
        ("<annotations><image/></annotations>", "outermost element is <annotations>, not <annotation>"),
        (annotation_xml([CAT, "<object/>"]), r"object 2 \(without a name\) has no <name>"),
        (annotation_xml(["<object><name>dog</name></object>"]), r"object 1 \(dog\) has no <bndbox>"),
        (with_box(5, "", 7, 8), r"object 2 \(dog\) has a box that is not four numbers: xmin 5, ymin missing, xmax 7"),
        (with_box(5, 6, "wide", 8), "not four numbers: xmin 5, ymin 6, xmax wide, ymax 8"),
        (with_box("nan", 6, 7, 8), "beyond any image: xmin nan"),
        (with_box(1, 1, "1e39", 8), "beyond any image: .* xmax 1e39"),
        (with_box(7, 6, 5, 8), r"object 2 \(dog\) has an inverted box: xmin 7, ymin 6, xmax 5, ymax 8"),
        (with_box(5, 8, 7, 6), "inverted box"),
        (
            annotation_xml([object_xml("dog", (1, 2, 3, 4), "<difficult>maybe</difficult>")]),
            r"object 1 \(dog\) has <difficult> 'maybe'; it must be 0 or 1",
        ),
    ],
)
def test_damage_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", text)
    with pytest.raises(ValueError, match=message) as caught:
        read_annotation(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_entities_in_utf_16_are_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(LAUGHS.encode("utf-16"))
    with pytest.raises(ValueError, match="declares a document type"):
        read_annotation(path)


def test_a_missing_file_is_told_from_one_without_objects(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*a\.xml"):
        read_annotation(tmp_path / "a.xml")


def test_boxes_are_the_writers_inverse(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    first = random.integers(1, 400, (50, 2))
    corners = np.hstack([first, first + random.integers(0, 90, (50, 2))])
    objects = [("cat", *row) for row in corners.tolist()]
    boxes = read_annotation(write(tmp_path / "a.xml", annotation_xml(objects))).boxes
    assert np.array_equal(boxes + np.array([1, 1, 0, 0]), corners)
