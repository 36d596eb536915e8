"""Small data sets on disk, in each of the layouts that the readers know."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Object = tuple[str, float, float, float, float]  # name, xmin, ymin, xmax, ymax: 1-based, both ends inside
SIZE = (40, 30)  # width, height of every photo


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def write_photo(path: Path, size: tuple[int, int] = SIZE, orientation: int = 1) -> Path:
    """A photo of noise; ``orientation`` is its EXIF tag."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, "PNG" if path.suffix == ".png" else "JPEG", exif=exif)
    return path


def object_xml(name: str, corners: Sequence[float | str], extra: str = "") -> str:
    sides = "".join(
        f"<{tag}>{corner}</{tag}>" for tag, corner in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


def annotation_xml(objects: Iterable[Object | str], size: tuple[int, int] | None = SIZE) -> str:
    """The XML of one photo; an object may be XML itself."""
    body = "".join(item if isinstance(item, str) else object_xml(item[0], item[1:]) for item in objects)
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    return f"<annotation>{stated}{body}</annotation>"


def write_voc(
    root: Path,
    photos: Mapping[str, Iterable[Object | str]],
    splits: Mapping[str, Iterable[str]] | None = None,
    *,
    images: bool = True,
) -> Path:
    """A year folder: the objects of each photo by its id, and the lists of its splits."""
    for image_id, objects in photos.items():
        write(root / "Annotations" / f"{image_id}.xml", annotation_xml(objects))
        if images:
            write_photo(root / "JPEGImages" / f"{image_id}.jpg")
    for split, ids in (splits or {}).items():
        write(root / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{image_id}\n" for image_id in ids))
    return root


def write_det(root: Path, subset: str, photos: Mapping[str, Iterable[Object | str] | None]) -> Path:
    """An ILSVRC DET tree with one subset, and the list of the same name; ``None`` is a photo without annotation."""
    for image_id, objects in photos.items():
        write_photo(root / "Data" / "DET" / subset / f"{image_id}.JPEG")
        if objects is not None:
            write(root / "Annotations" / "DET" / subset / f"{image_id}.xml", annotation_xml(objects))
    lines = (f"{image_id} {number}\n" for number, image_id in enumerate(photos, start=1))
    write(root / "ImageSets" / "DET" / f"{subset}.txt", "".join(lines))
    return root


def coco(**changes: object) -> dict[str, object]:
    """The content of an instances file with gaps in the category ids, an image without objects, and a crowd."""
    return {
        "images": [
            {"id": 7, "file_name": "b.jpg", "width": SIZE[0], "height": SIZE[1]},
            {"id": 0, "file_name": "a.jpg", "width": SIZE[0], "height": SIZE[1]},
            {"id": 3, "file_name": "c.jpg", "width": SIZE[0], "height": SIZE[1]},
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 0, "name": "person"}, {"id": 17, "name": "cat"}],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 17, "bbox": [1.5, 2, 10, 5], "area": 31.5, "iscrowd": 0},
            {"id": 1, "image_id": 7, "category_id": 90, "bbox": [0, 0, 40, 30], "area": 1200, "iscrowd": 0},
            {"id": 9, "image_id": 0, "category_id": 0, "bbox": [3, 4, 5, 6], "iscrowd": 1},
        ],
        **changes,
    }


def write_coco(path: Path, content: Mapping[str, object] | None = None, photos: Path | None = None) -> Path:
    """An instances file, and its photos in a folder."""
    content = coco() if content is None else content
    for image in content["images"] if photos else ():  # type: ignore[attr-defined]
        write_photo(photos / image["file_name"])
    return write(path, json.dumps(content))


def yolo_row(label: int, box: Sequence[float], size: tuple[int, int] = SIZE) -> str:
    """A line of a label file for a box (x1, y1, x2, y2) in pixels, 0-based and half-open."""
    (x1, y1, x2, y2), (width, height) = box, size
    shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
    return f"{label} {' '.join(map(repr, shares))}\n"


def write_yolo(
    root: Path,
    splits: Mapping[str, Mapping[str, str | None]],
    description: Mapping[str, object] | None = None,
    *,
    folders: str = "images/{split}",
) -> Path:
    """Photos, and their label files' content by name (``None``: no such file); ``data.yaml`` where it is described."""
    for split, photos in splits.items():
        images = root / folders.format(split=split)
        labels = root / folders.replace("images", "labels").format(split=split)
        for name, rows in photos.items():
            write_photo(images / f"{name}.jpg")
            if rows is not None:
                write(labels / f"{name}.txt", rows)
    if description is not None:
        write(root / "data.yaml", json.dumps(description))  # JSON is YAML
    return root
