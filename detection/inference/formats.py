"""A run's detections in the formats of others, beside ``detections.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

from detection.converters.coco_results import write_coco_results
from detection.converters.csv_table import write_csv
from detection.converters.ilsvrc_text import write_ilsvrc_text
from detection.converters.voc_text import can_name_a_file, write_voc_text
from detection.converters.whole_file import whole_file
from detection.converters.yolo_text import label_name, write_yolo_text
from detection.results import read_detections

NO_NUMBERS: Mapping[str, int] = {}
Write = Callable[[Path, Sequence[str], Path], None]  # detections.jsonl, class names, the run's folder


def check_formats(names: Sequence[str], ids: Iterable[str], classes: Sequence[str] = ()) -> None:
    """Raises ``ValueError`` for a format that is not one of ``FORMATS``, or that cannot hold these names."""
    files: dict[str, str] = {}
    for name in names:
        if name not in FORMATS:
            raise ValueError(f"no format {name!r}; choose from {', '.join(FORMATS)}")
    for name, label in product(names, classes):
        if reason := _cannot_hold_class(name, label):
            raise ValueError(f"class {label!r}: {reason}; choose another format than {name}")
    for id in ids:
        for name in names:
            if reason := _cannot_hold(name, id):
                raise ValueError(f"{id}: {reason}; rename the photo, or choose another format than {name}")
        if "yolo" in names and (other := files.setdefault(label_name(id), id)) != id:
            raise ValueError(
                f"{id}: shares the file {label_name(id)} with {other}; rename one, or choose another format than yolo"
            )


def write_formats(
    names: Sequence[str],
    detections: Path,
    classes: Sequence[str],
    folder: Path,
    category_ids: Mapping[str, int] | None = None,
) -> None:
    """Write a detections file in the formats ``names`` into ``folder``; see ``FORMATS`` for what lies where.

    Images are numbered from 1 in the order of the file, classes in the order of ``classes``. With the ``category_ids``
    of a COCO data set COCO's file has its numbers: the images' are their ids, and classes that it does not know get
    those above its highest. Raises ``ValueError`` where a format cannot hold the detections.
    """
    if names:
        check_formats(names, (record.id for record in read_detections(detections)), classes)
    for name in names:
        if name == "coco" and category_ids:
            _write_coco(detections, classes, folder, category_ids)
        else:
            FORMATS[name](detections, classes, folder)


def _cannot_hold_class(name: str, label: str) -> str | None:
    if name == "voc" and not can_name_a_file(label):
        return "VOC has a file for each class, and none can be called so"
    if name == "yolo" and len(label.splitlines()) != 1:
        return "a name with a line break cannot stand in a text file"
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


def _write_coco(detections: Path, classes: Sequence[str], folder: Path, known: Mapping[str, int] = NO_NUMBERS) -> None:
    """``coco/detections.json``; ``coco/images.json`` is an annotation file without objects, for the numbers' names."""
    ids = [record.id for record in read_detections(detections)]
    image_ids = {id: int(id) if known else number for number, id in enumerate(ids, start=1)}
    unknown = [name for name in classes if name not in known]
    above = max(known.values(), default=0) + 1
    category_ids = {**known, **{name: number for number, name in enumerate(unknown, start=above)}}
    write_coco_results(read_detections(detections), image_ids, category_ids, folder / "coco" / "detections.json")
    images = [
        {
            "id": image_ids[record.id],
            "file_name": Path(record.path).name if known else record.id,
            "width": record.width,
            "height": record.height,
        }
        for record in read_detections(detections)
    ]
    categories = [{"id": number, "name": name} for name, number in category_ids.items()]
    with whole_file(folder / "coco" / "images.json") as file:
        json.dump({"images": images, "categories": categories, "annotations": []}, file, indent=1)


def _write_voc(detections: Path, classes: Sequence[str], folder: Path) -> None:
    """``voc/comp4_det_test_<class>.txt``."""
    write_voc_text(read_detections(detections), classes, folder / "voc")


def _write_yolo(detections: Path, classes: Sequence[str], folder: Path) -> None:
    """``yolo/labels/<photo>.txt`` and ``yolo/classes.txt``."""
    write_yolo_text(read_detections(detections), classes, folder / "yolo")


def _write_ilsvrc(detections: Path, classes: Sequence[str], folder: Path) -> None:
    """``ilsvrc/detections.txt``; ``images.txt`` and ``classes.txt`` name the numbers, a line each from 1."""
    ids = [record.id for record in read_detections(detections)]
    write_ilsvrc_text(read_detections(detections), ids, classes, folder / "ilsvrc" / "detections.txt")
    for name, lines in (("images.txt", ids), ("classes.txt", classes)):
        with whole_file(folder / "ilsvrc" / name) as file:
            file.writelines(f"{line}\n" for line in lines)


def _write_csv(detections: Path, classes: Sequence[str], folder: Path) -> None:  # noqa: ARG001 - a table names classes
    """``detections.csv``."""
    write_csv(read_detections(detections), folder / "detections.csv")


FORMATS: dict[str, Write] = {
    "coco": _write_coco,
    "voc": _write_voc,
    "yolo": _write_yolo,
    "ilsvrc": _write_ilsvrc,
    "csv": _write_csv,
}
