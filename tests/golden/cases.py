"""Reads the golden cases into the tables that the protocols take."""

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detection.datasets.ilsvrc import det_200
from detection.evaluation.tables import DetectionTable
from detection.structures import Target

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One run of a devkit: what it was given, house boxes, and what it answered."""

    class_names: tuple[str, ...]
    ids: tuple[str, ...]
    predictions: DetectionTable
    targets: tuple[Target, ...]
    blacklist: tuple[tuple[int, int], ...]
    golden: dict


def voc_case(name: str) -> Case:
    """``voc`` or ``voc_synthetic``; golden["classes"][name] has the answers for a class."""
    folder = FOLDER / name
    golden = read_json(folder / "golden.json.gz")
    classes = tuple(golden["classes"])
    ids = tuple(line.split()[0] for line in (folder / "list.txt").read_text().splitlines())
    position = {image: index for index, image in enumerate(ids)}
    rows = []
    for label, class_name in enumerate(classes):
        for line in read_lines(folder / "detections" / f"comp4_det_test_{class_name}.txt.gz"):
            image, *numbers = line.split()
            rows.append([position[image], label, *map(float, numbers)])
    targets = _targets(folder, len(ids), lambda row: (position[row["image"]], classes.index(row["class"])))
    return Case(classes, ids, _table(rows), targets, (), golden)


def ilsvrc_case(name: str) -> Case:
    """``ties``, ``ties_noblacklist``, ``subset`` or ``edge``; golden["ap"][label] is the answer for a class."""
    folder = FOLDER / ("ilsvrc_edge" if name == "edge" else "ilsvrc")
    listed = (folder / ("list_subset.txt" if name == "subset" else "list.txt")).read_text().split()
    position = {number: index for index, number in enumerate(sorted(map(int, listed[1::2])))}
    names = {number: image for image, number in zip(listed[::2], map(int, listed[1::2]), strict=True)}
    rows = []
    for line in read_lines(folder / "pred_ties.txt.gz"):
        number, label, *numbers = line.split()
        if int(number) in position and 1 <= int(label) <= 200:  # eval_detection.m passes over other classes
            rows.append([position[int(number)], int(label) - 1, *map(float, numbers)])

    def where(row: dict[str, str]) -> tuple[int, int]:
        return position.get(int(row["image_index"]), -1), int(row["class_id"]) - 1

    pairs = [line.split() for line in (folder / "blacklist.txt").read_text().splitlines()]
    labels = {wordnet_id: label for label, wordnet_id in enumerate(det_200())}
    blacklist = [(position[int(number)], labels[name]) for number, name in pairs if int(number) in position]
    return Case(
        tuple(det_200().values()),
        tuple(names[number] for number in position),
        _table(rows),
        _targets(folder, len(position), where),
        () if name == "ties_noblacklist" else tuple(blacklist),
        read_json(folder / f"golden_{name}.json.gz"),
    )


def read_json(path: Path) -> dict:
    with gzip.open(path, "rt") as file:
        return json.load(file)


def read_lines(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return file.read().splitlines()


def _table(rows: list[list[float]]) -> DetectionTable:
    columns = np.array(rows)
    images, labels = columns[:, :2].astype(np.int64).T
    return DetectionTable(images, labels, columns[:, 2], columns[:, 3:] - [1, 1, 0, 0])


def _targets(folder: Path, images: int, where: Callable[[dict[str, str]], tuple[int, int]]) -> tuple[Target, ...]:
    objects: list[list[tuple[list[float], int, bool]]] = [[] for _ in range(images)]
    for row in csv.DictReader(read_lines(folder / "ground_truth.csv.gz")):
        image, label = where(row)
        box = [float(row["xmin"]) - 1, float(row["ymin"]) - 1, float(row["xmax"]), float(row["ymax"])]
        if image >= 0:
            objects[image].append((box, label, row.get("difficult") == "1"))
    return tuple(
        Target(
            np.array([box for box, _, _ in found], np.float32),
            np.array([label for _, label, _ in found], np.int64),
            np.array([difficult for _, _, difficult in found], np.bool_),
        )
        for found in objects
    )
