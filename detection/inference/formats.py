"""A run's detections in the formats of others, beside ``detections.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

from detection.converters import voc_text, yolo_text
from detection.converters.coco_results import write_coco_results
from detection.converters.csv_table import write_csv
from detection.converters.ilsvrc_text import write_ilsvrc_text
from detection.converters.voc_text import write_voc_text
from detection.converters.whole_file import whole_file
from detection.converters.yolo_text import claim_label, write_yolo_text
from detection.inference.find import Numbers
from detection.inference.outputs import remove_labels
from detection.results import ImageDetections

NO_NUMBERS = Numbers({}, {})
Records = Iterable[ImageDetections]  # to be gone through several times
Write = Callable[[Records, Sequence[str], Path, Numbers], None]  # of what was found, class names, the run's folder


def check_formats(names: Sequence[str], ids: Iterable[str], classes: Sequence[str] = ()) -> None:
    """Raises ``ValueError`` for a format that is not one of ``FORMATS``, or that cannot hold these names."""
    for name in names:
        if name not in FORMATS:
            raise ValueError(f"no format {name!r}; choose from {', '.join(FORMATS)}")
    for name, label in product(names, classes):
        if reason := _cannot_hold_class(name, label):
            raise ValueError(f"class {label!r}: {reason}; choose another format than {name}")
    files: dict[str, str] = {}
    for id in ids:
        for name in names:
            if reason := _cannot_hold(name, id):
                raise ValueError(f"{id}: {reason}; rename the photo, or choose another format than {name}")
        if "yolo" in names:
            try:
                claim_label(id, files)
            except ValueError as error:
                raise ValueError(f"{error}; rename one, or choose another format than yolo") from None


def write_formats(
    names: Sequence[str],
    records: Records,
    classes: Sequence[str],
    folder: Path,
    numbers: Mapping[str, Numbers] | None = None,
) -> None:
    """Write detections in the formats ``names`` into ``folder``; see ``FORMATS`` for what lies where.

    ``numbers`` are those that a data set gives its images and classes in a format; what has none gets one above the
    highest: without any, images are numbered from 1 in the order of ``records``, and classes in that of ``classes``.
    Raises ``ValueError`` where a format cannot hold the detections.
    """
    if names:
        check_formats(names, (record.id for record in records), classes)
    for name in names:
        FORMATS[name](records, classes, folder, (numbers or {}).get(name, NO_NUMBERS))


def _numbered(known: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """Every name's number: the one that is known, or one above the highest."""
    above = max(known.values(), default=0) + 1
    return {**known, **{name: number for number, name in enumerate((n for n in names if n not in known), start=above)}}


def _cannot_hold_class(name: str, label: str) -> str | None:
    faults = {"voc": voc_text.class_fault, "yolo": yolo_text.class_fault}
    if name in faults and (fault := faults[name](label)):
        return fault
    return _cannot_hold(name, label)


def _cannot_hold(name: str, text: str) -> str | None:
    if name == "coco":  # JSON holds any text
        return None
    if name == "ilsvrc" and len(text.splitlines()) != 1:
        return "a name with a line break cannot stand in a text file"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a name that is not UTF-8 cannot stand in a text file"
    return None


def _write_coco(records: Records, classes: Sequence[str], folder: Path, numbers: Numbers) -> None:
    """``coco/detections.json``; ``coco/images.json`` is an annotation file without objects, for the numbers' names."""
    image_ids = _numbered(numbers.images, (record.id for record in records))
    category_ids = _numbered(numbers.classes, classes)
    write_coco_results(records, image_ids, category_ids, folder / "coco" / "detections.json")
    images = [
        {
            "id": image_ids[record.id],
            "file_name": numbers.files.get(record.id, record.id),
            "width": record.width,
            "height": record.height,
        }
        for record in records
    ]
    categories = [{"id": number, "name": name} for name, number in category_ids.items()]
    with whole_file(folder / "coco" / "images.json") as file:
        json.dump({"images": images, "categories": categories, "annotations": []}, file, indent=1)


def _write_voc(records: Records, classes: Sequence[str], folder: Path, _: Numbers) -> None:
    """``voc/comp4_det_test_<class>.txt``."""
    write_voc_text(records, classes, folder / "voc")


def _write_yolo(records: Records, classes: Sequence[str], folder: Path, _: Numbers) -> None:
    """``yolo/labels/<photo>.txt`` and ``yolo/classes.txt``; the labels of photos that are not asked for now go."""
    remove_labels(folder)
    write_yolo_text(records, classes, folder / "yolo")


def _write_ilsvrc(records: Records, classes: Sequence[str], folder: Path, numbers: Numbers) -> None:
    """``ilsvrc/detections.txt``; ``images.txt`` and ``classes.txt`` name the numbers, a line each from 1.

    Where a list numbers its images otherwise, so does ``images.txt``: as there, the number follows the name.
    """
    images = _numbered(numbers.images, (record.id for record in records))
    names = _numbered(numbers.classes, classes)
    write_ilsvrc_text(records, images, names, folder / "ilsvrc" / "detections.txt")
    own = list(images.values()) != list(range(1, len(images) + 1))
    lines = [f"{image} {number}" if own else image for image, number in images.items()]
    for name, content in (("images.txt", lines), ("classes.txt", names)):
        with whole_file(folder / "ilsvrc" / name) as file:
            file.writelines(f"{line}\n" for line in content)


def _write_csv(records: Records, classes: Sequence[str], folder: Path, _: Numbers) -> None:  # noqa: ARG001 - a table names classes
    """``detections.csv``."""
    write_csv(records, folder / "detections.csv")


FORMATS: dict[str, Write] = {
    "coco": _write_coco,
    "voc": _write_voc,
    "yolo": _write_yolo,
    "ilsvrc": _write_ilsvrc,
    "csv": _write_csv,
}
