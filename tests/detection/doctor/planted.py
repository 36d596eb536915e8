"""Sound data sets in each format, to plant defects in, and what the doctor then says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from detection.structures import RGBImage
from tests.detection.datasets.trees import annotation_xml, write, yolo_row
from tools.doctor import main

SIZE = (64, 48)
OBJECTS = tuple(
    (name, column * 12 + 2, row * 24 + 2, column * 12 + 11, row * 24 + 20)
    for row, name in enumerate(("cat", "dog"))
    for column in range(5)
)
SPLITS = {"train": ("a0", "a1", "a2"), "val": ("b0", "b1", "b2")}
SYNSETS = {"cat": "n02121808", "dog": "n02084071"}


def scene(seed: int, size: tuple[int, int] = SIZE) -> RGBImage:
    """Smooth patches of colour, others for every seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(patches, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def save(path: Path, image: RGBImage, *, quality: int = 95, orientation: int = 1, kind: str = "JPEG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(image).save(path, kind, quality=quality, exif=exif)
    return path


def encoded(image: RGBImage, quality: int) -> RGBImage:
    """What a JPEG of an image shows."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def photo_of(name: str) -> RGBImage:
    return scene(int.from_bytes(name.encode()))


def annotate(path: Path, objects: Sequence[object] = OBJECTS, size: tuple[int, int] | None = SIZE) -> Path:
    return write(path, annotation_xml(objects, size))  # type: ignore[arg-type]


def sound_voc(root: Path) -> Path:
    lists = {**SPLITS, "trainval": SPLITS["train"] + SPLITS["val"]}
    for split, names in lists.items():
        write(root / f"ImageSets/Main/{split}.txt", "".join(f"{name}\n" for name in names))
    for name in lists["trainval"]:
        save(root / f"JPEGImages/{name}.jpg", photo_of(name))
        annotate(root / f"Annotations/{name}.xml")
    return root


def sound_ilsvrc(root: Path) -> Path:
    objects = [(SYNSETS[name], *corners) for name, *corners in OBJECTS]
    for split, names in SPLITS.items():
        write(root / f"ImageSets/DET/{split}.txt", "".join(f"{name} {n}\n" for n, name in enumerate(names, start=1)))
        for name in names:
            save(root / f"Data/DET/{split}/{name}.JPEG", photo_of(name))
            annotate(root / f"Annotations/DET/{split}/{name}.xml", objects)
    return root


def sound_coco(root: Path) -> Path:
    for split, names in SPLITS.items():
        boxes = [(image, one) for image in range(1, len(names) + 1) for one in OBJECTS]
        content = {
            "images": [
                {"id": number, "file_name": f"{name}.jpg", "width": SIZE[0], "height": SIZE[1]}
                for number, name in enumerate(names, start=1)
            ],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
            "annotations": [
                {
                    "id": number,
                    "image_id": image,
                    "category_id": 1 if name == "cat" else 2,
                    "bbox": [x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1],
                }
                for number, (image, (name, x1, y1, x2, y2)) in enumerate(boxes, start=1)
            ],
        }
        write(root / f"annotations/instances_{split}.json", json.dumps(content))
        for name in names:
            save(root / f"{split}/{name}.jpg", photo_of(name))
    return root


def sound_yolo(root: Path) -> Path:
    rows = "".join(
        yolo_row(0 if name == "cat" else 1, (x1 - 1, y1 - 1, x2, y2), SIZE) for name, x1, y1, x2, y2 in OBJECTS
    )
    described = {"train": "images/train", "val": "images/val", "names": ["cat", "dog"]}
    write(root / "data.yaml", json.dumps(described))
    for split, names in SPLITS.items():
        for name in names:
            save(root / f"images/{split}/{name}.jpg", photo_of(name))
            write(root / f"labels/{split}/{name}.txt", rows)
    return root


def sound_folder(root: Path) -> Path:
    for name in SPLITS["train"]:
        save(root / f"{name}.jpg", photo_of(name))
    return root


def change_json(file: Path, change: Callable[[dict[str, list[dict[str, object]]]], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def diagnose(data: Path | str, out: Path, *options: str) -> tuple[int, dict[str, list[dict[str, object]]]]:
    """The exit code, and the cases of each finding by its code."""
    code = main(["--data", str(data), "--json", str(out), *options])
    content = json.loads(out.read_text())
    return code, {one["code"]: one["cases"] for one in content["findings"]}
