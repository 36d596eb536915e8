"""Average precision from files: what the protocols take for a set of ILSVRC's size, and COCO's beside pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from detection.bench.timing import Contestant, Race, Report, Spent, Timing, race, silent
from detection.converters.rows import TO_ONE_BASED_INCLUSIVE
from detection.datasets.ilsvrc import det_200
from detection.evaluation.tables import Floats, Integers
from detection.report.question import ask

OFFICIAL_TOOLKIT = (
    "eval_detection.m of ILSVRC 2014 took 239 s for a case of this size (GNU Octave 7.3, one thread, another machine)"
)


@dataclass(frozen=True)
class Size:
    """How much is measured; by default ILSVRC's validation set and 50 detections an image."""

    images: int = 20_121
    objects: int = 55_142
    detections: int = 1_000_000
    classes: int = 200


@dataclass(frozen=True)
class Files:
    """Where the annotations and the detections are."""

    data: Path
    detections: Path


@dataclass(frozen=True)
class Measured:
    """What one run in a process of its own took, and what came of it."""

    spent: Spent
    peak_megabytes: float
    mean_ap: float


@dataclass(frozen=True)
class _Synthetic:
    """Objects and detections, of which three in ten lie near an object of their class."""

    images: Integers
    labels: Integers
    boxes: Floats  # x1, y1, x2, y2
    found_images: Integers
    found_labels: Integers
    found_boxes: Floats
    scores: Floats

    @classmethod
    def of(cls, size: Size, seed: int = 0) -> _Synthetic:
        random = np.random.default_rng(seed)
        images = np.sort(random.integers(0, size.images, size.objects))
        labels = random.integers(0, size.classes, size.objects)
        corner, side = random.integers(0, 280, (size.objects, 2)), random.integers(5, 200, (size.objects, 2))
        boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float64)
        near, anywhere = random.integers(0, size.objects, size.detections), random.random(size.detections) > 0.3
        found_images = np.where(anywhere, random.integers(0, size.images, size.detections), images[near])
        found_labels = np.where(anywhere, random.integers(0, size.classes, size.detections), labels[near])
        found_boxes = (boxes[near] + random.normal(0, 8, (size.detections, 4))).round(2)
        scores = random.random(size.detections).round(6)
        return cls(images, labels, boxes, found_images, found_labels, found_boxes, scores)


def bench_evaluation(
    *, size: Size | None = None, coco_size: Size | None = None, repeat: int = 1, report: Report = silent
) -> list[Race]:
    """Each contestant reads the files and measures, in a process of its own, so that its peak of memory is its own."""
    size, coco_size = size or Size(), coco_size or Size(1_000, 7_000, 50_000, 80)
    with TemporaryDirectory() as folder:
        text, results = write_ilsvrc(size, Path(folder) / "det"), write_coco(coco_size, Path(folder) / "coco")
        ways = {"ilsvrc": measure_ilsvrc, "voc10": measure_voc10}
        protocols = _race(ways, text, repeat, report)
        coco_ways = {"ours": measure_coco, "pycocotools": measure_pycocotools}
        peers = _race(coco_ways, results, repeat, report)
    return [
        Race(
            _title("ILSVRC text", size), "run", protocols, "voc10", notes=[OFFICIAL_TOOLKIT] if size == Size() else []
        ),
        Race(_title("COCO results", coco_size), "run", peers, "pycocotools"),
    ]


def _title(what: str, size: Size) -> str:
    return f"{what} to mean AP: {size.detections:,} detections, {size.images:,} images, {size.classes} classes"


def _race(ways: Mapping[str, Callable[[Files], float]], files: Files, repeat: int, report: Report) -> list[Timing]:
    last: dict[str, Measured] = {}

    def run(name: str, item: Files) -> Spent:
        last[name] = measured_apart(ways[name], item)
        return last[name].spent

    contestants = [Contestant(name, partial(run, name)) for name in ways]
    timings = race(contestants, [files], repeat=repeat, warm_up=0, report=report)
    facts = {
        name: {"peak MB": f"{one.peak_megabytes:,.0f}", "mean AP": f"{one.mean_ap:.6f}"} for name, one in last.items()
    }
    return [replace(timing, facts=facts[timing.name]) for timing in timings]


def measured_apart(way: Callable[[Files], float], files: Files) -> Measured:
    """One run in a fresh process, which imports before the clock starts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measured, way, files).result()


def _measured(way: Callable[[Files], float], files: Files) -> Measured:
    wall, cpu = time.perf_counter(), time.process_time()
    mean_ap = way(files)
    spent = Spent(time.perf_counter() - wall, time.process_time() - cpu)
    return Measured(spent, _peak_bytes() / 2**20, mean_ap)


def _peak_bytes() -> int:
    """The most memory that this process had at once."""
    with contextlib.suppress(OSError):  # Linux; its ru_maxrss would be that of the parent, which is handed on
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def measure_ilsvrc(files: Files) -> float:
    """Mean AP of ILSVRC's text under its own protocol."""
    return _measure(files, "ilsvrc")


def measure_voc10(files: Files) -> float:
    """Mean AP of ILSVRC's text under VOC's protocol."""
    return _measure(files, "voc10")


def measure_coco(files: Files) -> float:
    """Mean AP of COCO's results."""
    return _measure(files, "coco")


def _measure(files: Files, protocol: str) -> float:
    question = ask(str(files.data), None, None, None, files.detections)
    return question.measure(protocol, question.read(files.detections).table).mean_ap


def measure_pycocotools(files: Files) -> float:
    """The same by pycocotools alone."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(files.data)
        judged = COCOeval(truth, truth.loadRes(str(files.detections)), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return float(judged.stats[0])


def write_ilsvrc(size: Size, folder: Path) -> Files:
    """A DET tree without photos, and a submission."""
    case, names = _Synthetic.of(size), list(det_200())
    ids = [f"ILSVRC2012_val_{number:08d}" for number in range(1, size.images + 1)]
    lists, annotations = folder / "ImageSets" / "DET", folder / "Annotations" / "DET" / "val"
    for each in (lists, annotations):
        each.mkdir(parents=True)
    (lists / "val.txt").write_text("".join(f"{image} {number}\n" for number, image in enumerate(ids, start=1)))
    objects: list[list[str]] = [[] for _ in ids]
    for image, label, (x1, y1, x2, y2) in zip(case.images.tolist(), case.labels.tolist(), case.boxes, strict=True):
        box = f"<xmin>{x1 + 1:g}</xmin><ymin>{y1 + 1:g}</ymin><xmax>{x2:g}</xmax><ymax>{y2:g}</ymax>"
        objects[image].append(f"<object><name>{names[label]}</name><bndbox>{box}</bndbox></object>")
    for image, parts in zip(ids, objects, strict=True):
        (annotations / f"{image}.xml").write_text(f"<annotation>{''.join(parts)}</annotation>")
    columns = (case.found_images + 1, case.found_labels + 1, case.scores, case.found_boxes + TO_ONE_BASED_INCLUSIVE)
    text = folder / "submission.txt"
    np.savetxt(text, np.column_stack(columns), fmt=["%d", "%d", "%.6f", *["%.2f"] * 4])
    return Files(folder, text)


def write_coco(size: Size, folder: Path) -> Files:
    """An instances file, and results."""
    case = _Synthetic.of(size)
    folder.mkdir(parents=True)

    def rows(images: Integers, labels: Integers, boxes: Floats) -> list[dict[str, object]]:
        xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).round(2)
        columns = zip((images + 1).tolist(), (labels + 1).tolist(), xywh.tolist(), strict=True)
        return [{"image_id": image, "category_id": label, "bbox": box} for image, label, box in columns]

    annotations = [
        {**row, "id": number, "area": area, "iscrowd": 0}
        for number, (row, area) in enumerate(
            zip(rows(case.images, case.labels, case.boxes), _areas(case.boxes), strict=True), start=1
        )
    ]
    truth = {
        "images": [{"id": number, "file_name": f"{number}.jpg"} for number in range(1, size.images + 1)],
        "categories": [{"id": number, "name": f"class {number}"} for number in range(1, size.classes + 1)],
        "annotations": annotations,
    }
    found = rows(case.found_images, case.found_labels, case.found_boxes)
    results = [{**row, "score": score} for row, score in zip(found, case.scores.tolist(), strict=True)]
    for name, content in (("truth.json", truth), ("results.json", results)):
        (folder / name).write_text(json.dumps(content))
    return Files(folder / "truth.json", folder / "results.json")


def _areas(boxes: Floats) -> list[float]:
    return [float(area) for area in (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)]
