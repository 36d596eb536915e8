"""One annotation file as VOC and ILSVRC write it: XML with the photo's size and its objects."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detection.boxes import LARGEST, Boxes, as_boxes, from_one_based_inclusive
from detection.datasets.base import Refuse, stop

CORNERS = ("xmin", "ymin", "xmax", "ymax")
DIFFICULT = {"0": False, "1": True, "false": False, "true": True, "unspecified": False, "": False}  # as tools write it


class InvertedBoxError(ValueError):
    """An object whose box ends before it begins."""


@dataclass(frozen=True)
class Annotation:
    """The objects of one file, in its order.

    ``names`` as written; ``boxes`` (G, 4) in the house convention, not yet cut to the photo; ``numbers`` of the objects
    in the file, from 1; ``size`` is the width and height that the file states, ``None`` where it states none.
    """

    path: Path
    size: tuple[int, int] | None
    names: tuple[str, ...]
    boxes: Boxes
    difficult: tuple[bool, ...]
    numbers: tuple[int, ...]

    @classmethod
    def empty(cls, path: Path) -> Annotation:
        return cls(path, None, (), np.zeros((0, 4), np.float32), (), ())


def read_annotation(path: Path, refuse: Refuse = stop) -> Annotation:
    """The content of an annotation file.

    Raises ``FileNotFoundError`` where there is none, and ``ValueError`` where the XML is damaged, or declares a
    document type, whose entities could make it explode. An object without a name or four numbers, or with an inverted
    box (:class:`InvertedBoxError`), is refused with an error that names the file, the object (from 1) and its box, and
    left out where ``refuse`` returns. Equal corners are legal: they include one pixel.
    """
    root = _parse(path)
    names, corners, difficult, numbers = [], [], [], []
    for number, element in enumerate(root.iterfind("object"), start=1):
        try:
            name, box, is_difficult = _object(element, f"{path}: object {number}")
        except ValueError as fault:
            refuse(fault)
            continue
        names.append(name)
        corners.append(box)
        difficult.append(is_difficult)
        numbers.append(number)
    boxes = from_one_based_inclusive(as_boxes(corners))
    return Annotation(path, _size(root), tuple(names), boxes, tuple(difficult), tuple(numbers))


def _parse(path: Path) -> ET.Element:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"no annotation file {path} (one without objects is legal, none is not)") from None
    if not content.strip():
        raise ValueError(f"{path}: empty annotation file ({len(content)} bytes)")
    if b"<!DOCTYPE" in content.replace(b"\0", b""):  # without the zeros of UTF-16
        raise ValueError(f"{path}: declares a document type (<!DOCTYPE>), which no annotation needs; remove it")
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding that is unknown
        raise ValueError(f"{path}: truncated or damaged XML: {error}") from error
    if root.tag != "annotation":
        raise ValueError(f"{path}: no annotation of VOC: its outermost element is <{root.tag}>, not <annotation>")
    return root


def _object(element: ET.Element, place: str) -> tuple[str, list[float], bool]:
    """Name, corners and whether it is difficult."""
    name = (element.findtext("name") or "").strip()
    place = f"{place} ({name or 'without a name'})"
    if not name:
        raise ValueError(f"{place} has no <name>")
    return name, _corners(element, place), _difficult(element, place)


def _corners(element: ET.Element, place: str) -> list[float]:
    box = element.find("bndbox")
    if box is None:
        raise ValueError(f"{place} has no <bndbox>")
    texts = [box.findtext(corner) or "" for corner in CORNERS]
    written = ", ".join(f"{corner} {text.strip() or 'missing'}" for corner, text in zip(CORNERS, texts, strict=True))
    try:
        corners = [float(text.replace("_", "?")) for text in texts]  # Python would read 1_0 as 10
    except ValueError:
        raise ValueError(f"{place} has a box that is not four numbers: {written}") from None
    if not all(abs(corner) <= LARGEST for corner in corners):
        raise ValueError(f"{place} has a box beyond any image: {written}")
    if corners[2] < corners[0] or corners[3] < corners[1]:
        raise InvertedBoxError(f"{place} has an inverted box: {written}")
    return corners


def _difficult(element: ET.Element, place: str) -> bool:
    text = (element.findtext("difficult") or "").strip()
    if text.lower() not in DIFFICULT:
        raise ValueError(f"{place} has <difficult> {text!r}; it must be 0 or 1")
    return DIFFICULT[text.lower()]


def _size(root: ET.Element) -> tuple[int, int] | None:
    try:
        width, height = (int(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
    except ValueError:
        return None
    return (width, height) if width > 0 and height > 0 else None
