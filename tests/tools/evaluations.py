"""Small evaluations on disk, one for each way to hand detections to ``tools/evaluate.py``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from detection.datasets.ilsvrc import det_200
from tests.detection.datasets.trees import annotation_xml, write, write_coco

CAT, DOG = (3, 4, 22, 24), (11, 6, 35, 28)  # corners from 1, both ends inside, in photos of 40 x 30
CAR, ANT = list(det_200())[36], list(det_200())[2]


@dataclass(frozen=True)
class Case:
    """A data set and detections of it: the arguments of the command, and the files that a mutation may spoil."""

    arguments: tuple[str, ...]
    files: tuple[Path, ...]


def voc_data(root: Path, names: Sequence[str] = ("cat", "dog")) -> Path:
    cat, dog = names
    photos = {"one": [(cat, *CAT), (dog, *DOG)], "two": [(dog, *DOG)], "three": [(cat, *CAT)]}
    for image, objects in photos.items():
        write(root / "Annotations" / f"{image}.xml", annotation_xml(objects))
    write(root / "ImageSets" / "Main" / "test.txt", "one\ntwo\nthree\n")
    return root


ROWS = [
    ("one", "cat", 0.9375, CAT),
    ("one", "dog", 0.8125, (11, 6, 34, 27)),
    ("two", "dog", 0.75, DOG),
    ("two", "cat", 0.6875, CAT),
    ("three", "cat", 0.5, (4, 5, 23, 24)),
]


def json_lines_case(root: Path) -> Case:
    data, lines = voc_data(root / "VOC2007"), []
    for image in ("one", "two", "three"):
        found = [row for row in ROWS if row[0] == image]
        record = {"id": image, "path": f"{image}.jpg", "width": 40, "height": 30}
        record["boxes"] = [[box[0] - 1, box[1] - 1, box[2], box[3]] for *_, box in found]
        lines.append({**record, "labels": [r[1] for r in found], "scores": [r[2] for r in found], "seconds": 0.5})
    file = write(root / "found.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    return voc_case(data, file, [file])


def voc_text_case(root: Path) -> Case:
    data, files = voc_data(root / "VOC2007"), []
    for name in ("cat", "dog"):
        lines = [f"{image} {score} {' '.join(map(str, box))}\n" for image, label, score, box in ROWS if label == name]
        files.append(write(root / "results" / f"comp4_det_test_{name}.txt", "".join(lines)))
    return voc_case(data, root / "results", files)


def csv_case(root: Path) -> Case:
    lines = [f"{row[0]},{row[1]},{row[2]},{','.join(map(str, row[3]))}\n" for row in ROWS]
    file = write(root / "found.csv", "".join(["image,class,score,x1,y1,x2,y2\n", *lines]))
    return voc_case(voc_data(root / "VOC2007"), file, [file])


def voc_case(data: Path, detections: Path, files: Sequence[Path]) -> Case:
    images = write(data.parent / "images.txt", "one 1\nthree 1\ntwo 1\n")
    arguments = (str(detections), "--data", str(data), "--split", "test", "--images", str(images))
    lists = (data / "ImageSets" / "Main" / "test.txt", images)
    return Case(arguments, (*files, data / "Annotations" / "one.xml", *lists))


def ilsvrc_case(root: Path) -> Case:
    data, names = root / "ILSVRC", list(det_200())
    ids = [f"ILSVRC2012_val_{number:08d}" for number in (1, 2, 3)]
    photos = [[(CAR, *CAT), (ANT, *DOG)], [(ANT, *DOG)], [(CAR, *CAT)]]
    for image, objects in zip(ids, photos, strict=True):
        write(data / "Annotations" / "DET" / "val" / f"{image}.xml", annotation_xml(objects))
    listed = write(data / "ImageSets" / "DET" / "val.txt", "".join(f"{image} {n}\n" for n, image in enumerate(ids, 1)))
    words, numbers = {"cat": CAR, "dog": ANT}, {"one": 1, "two": 2, "three": 3}
    lines = [f"{numbers[r[0]]} {names.index(words[r[1]]) + 1} {r[2]} {' '.join(map(str, r[3]))}\n" for r in ROWS]
    file = write(root / "submission.txt", "".join(lines))
    blacklist = write(root / "blacklist.txt", f"3 {CAR}\n1 {ANT}\n2 {CAR}\n")
    arguments = (str(file), "--data", str(data), "--protocol", "ilsvrc", "--blacklist", str(blacklist))
    return Case(arguments, (file, blacklist, data / "Annotations" / "DET" / "val" / f"{ids[0]}.xml", listed))


def coco_case(root: Path) -> Case:
    numbers, categories = {"one": 7, "two": 3, "three": 12}, {"cat": 17, "dog": 90}
    objects = [("one", "cat", CAT), ("one", "dog", DOG), ("two", "dog", DOG), ("three", "cat", CAT)]
    annotations = [
        {"id": number, "image_id": numbers[image], "category_id": categories[label], "iscrowd": int(number == 3)}
        | {"bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]], "area": 300.5 + number}
        for number, (image, label, box) in enumerate(objects, start=1)
    ]
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 40, "height": 30} for n in numbers.values()]
    named = [{"id": number, "name": name} for name, number in categories.items()]
    truth = write_coco(root / "truth.json", {"images": images, "categories": named, "annotations": annotations})
    results = [
        {"image_id": numbers[image], "category_id": categories[label], "score": score}
        | {"bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]}
        for image, label, score, box in ROWS
    ]
    file = write(root / "results.json", json.dumps(results))
    return Case((str(file), "--data", str(truth), "--protocol", "coco,voc10"), (file, truth))


CASES: dict[str, Callable[[Path], Case]] = {
    "json lines": json_lines_case,
    "voc text": voc_text_case,
    "csv": csv_case,
    "ilsvrc": ilsvrc_case,
    "coco": coco_case,
}
