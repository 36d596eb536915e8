"""Selective search: ours, OpenCV's and the package ``selectivesearch``, on the same frames.

All search the same RGB pixels at R-CNN's width of 500, from the colours to the boxes; only that is timed. OpenCV's
needs opencv-contrib, which cannot be installed beside opencv-python: where it is missing here, another interpreter is
asked that ``GOOGLENET_RCNN_CONTRIB_PYTHON`` names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from detection.bench import opencv_worker
from detection.bench.timing import Contestant, Race, Report, Spent, Timing, race, silent
from detection.bench.worker import Worker
from detection.boxes import Boxes
from detection.datasets.base import Dataset
from detection.proposals.base import Proposer
from detection.proposals.frame import to_frame
from detection.proposals.recall import coverage
from detection.proposals.selective_search import SelectiveSearch
from detection.proposals.selectivesearch_package import SelectiveSearchPackage
from detection.structures import Proposals, RGBImage, Target

WIDTH = 500
CONTRIB_PYTHON = "GOOGLENET_RCNN_CONTRIB_PYTHON"
OURS_RCNN, OURS_FAST, OURS_QUALITY = "ours, R-CNN's", "ours, OpenCV fast's", "ours, OpenCV quality's"
OPENCV_FAST, OPENCV_QUALITY, PACKAGE = "OpenCV fast", "OpenCV quality", "selectivesearch"
OPENCV = {OPENCV_FAST: "fast", OPENCV_QUALITY: "quality"}  # the worker's modes
CONTESTANTS = (OPENCV_FAST, OURS_FAST, OPENCV_QUALITY, OURS_QUALITY, OURS_RCNN, PACKAGE)
CLAIMED = (OPENCV_FAST, OURS_FAST, OURS_RCNN, PACKAGE)  # those that a claim is made of


RECALLS = {0.5: "recall at 0.5", 0.7: "recall at 0.7"}


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo at the width that all search it in, and its objects in that frame."""

    number: int
    frame: RGBImage
    target: Target


Batch = Sequence[Photo]  # what is worked on at once
Way = Callable[[Batch], Spent | None]


def photo_of(dataset: Dataset, index: int) -> Photo:
    """A photo of a data set; raises what its decoding raises."""
    image, target = dataset.image(index), dataset.target(index)
    frame = to_frame(image, WIDTH)
    scale = np.array([frame.shape[1] / image.shape[1], frame.shape[0] / image.shape[0]] * 2, np.float32)
    return Photo(index, frame, Target(target.boxes * scale, target.labels, target.difficult, target.crowd))


def bench_proposals(
    photos: Sequence[Photo],
    *,
    at_once: int = 1,
    names: Collection[str] = CONTESTANTS,
    repeat: int = 1,
    report: Report = silent,
) -> Race:
    """Boxes of photos, ``at_once`` of them side by side, in each way; with the boxes' number and recall.

    Raises ``RuntimeError`` where the other interpreter has no contributed modules of OpenCV.
    """
    batches = [photos[start : start + at_once] for start in range(0, len(photos), at_once)]
    batches = [batch for batch in batches if len(batch) == at_once] or batches
    python = contrib_python()
    missing = [] if python else [name for name in names if name in OPENCV]
    found: dict[str, dict[int, Boxes]] = {name: {} for name in CONTESTANTS if name in names and name not in missing}
    with ExitStack() as stack:
        contestants = []
        for name, boxes in found.items():
            way: AbstractContextManager[Way]
            if name in OPENCV:
                way = _opencv(str(python), OPENCV[name], at_once, boxes)
            else:
                way = _ours(_proposer(name), at_once, boxes)
            contestants.append(Contestant(name, stack.enter_context(way)))
        timings = race(contestants, batches, repeat=repeat, report=report)
    timings = [replace(timing, facts=_facts(photos, found[timing.name])) for timing in timings]
    cores = "one thread" if at_once == 1 else f"{at_once} photos at once"
    notes = [f"{name}: needs opencv-contrib; {CONTRIB_PYTHON} can name an interpreter that has it" for name in missing]
    title = f"selective search at width {WIDTH}, {cores}"
    return Race(title, "photo", timings, next(iter(found)), units=len(batches[0]), notes=notes)


def contrib_python() -> str | None:
    """The interpreter whose OpenCV has selective search: this one, or the one that the environment names."""
    return sys.executable if hasattr(cv2, "ximgproc") else os.environ.get(CONTRIB_PYTHON)


def claims(race: Race) -> list[str]:
    """The two claims that are made of our speed, as measured in a race of one thread, each with its verdict."""
    by_name = {timing.name: timing for timing in race.timings}
    return [
        _claim(by_name, OURS_FAST, OPENCV_FAST, 20, recall_within=0.002),
        _claim(by_name, OURS_RCNN, PACKAGE, 50),
    ]


def _claim(timings: dict[str, Timing], ours: str, theirs: str, times: float, recall_within: float | None = None) -> str:
    """One claim in a line: so many times as fast by CPU time, and, where it is claimed, at equal recall."""
    claim = f"{ours} parameters against {theirs}, one thread, CPU time: at least {times:g}x"
    if ours not in timings or theirs not in timings:
        return f"{claim}: not measured, {theirs if theirs not in timings else ours} is missing"
    ratio = Race("", "photo", list(timings.values()), theirs).ratios(timings[ours]).cpu
    holds = ratio >= times
    told = f"{ratio:.1f}x"
    if recall_within is not None:
        claim += f", recall within {recall_within:g}"
        pairs = [(timings[ours].facts.get(name), timings[theirs].facts.get(name)) for name in RECALLS.values()]
        told += "".join(f", {mine} and {other}" for mine, other in pairs)
        holds &= all(abs(float(mine or "nan") - float(other or "nan")) <= recall_within + 1e-9 for mine, other in pairs)
    return f"{claim}: {told}: {'holds' if holds else 'does not hold'}"


def _proposer(name: str) -> Proposer:
    """Our engines search the frame as it is; like OpenCV's, all boxes are kept but in R-CNN's mode."""
    if name == PACKAGE:
        return SelectiveSearchPackage(width=None, min_side=0)
    if name == OURS_RCNN:
        return SelectiveSearch(mode="rcnn-fast", width=None)
    return SelectiveSearch(mode="opencv-fast" if name == OURS_FAST else "opencv-quality", width=None, min_side=0)


@contextmanager
def _ours(proposer: Proposer, at_once: int, boxes: dict[int, Boxes]) -> Iterator[Way]:
    """A way to search a batch in this process, which leaves its boxes in ``boxes``."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(at_once) as pool:

        def run(batch: Batch) -> None:
            for photo, found in zip(batch, pool.map(proposer, [photo.frame for photo in batch]), strict=True):
                boxes[photo.number] = found.boxes

        try:
            yield run
        finally:
            cv2.setNumThreads(threads)


@contextmanager
def _opencv(python: str, mode: str, at_once: int, boxes: dict[int, Boxes]) -> Iterator[Way]:
    """The same in an interpreter that has OpenCV's contributed modules; pixels and boxes travel as files."""
    command = [python, str(Path(opencv_worker.__file__)), mode, str(at_once)]
    with TemporaryDirectory() as name, Worker(command) as worker:
        folder = Path(name)

        def run(batch: Batch) -> Spent:
            items = [
                {"frame": f"{folder / f'{at}.npy'}", "boxes": f"{folder / f'{at}-boxes.npy'}"}
                for at in range(len(batch))
            ]
            for photo, item in zip(batch, items, strict=True):
                np.save(item["frame"], photo.frame)
            spent = worker(items)
            for photo, item in zip(batch, items, strict=True):
                boxes[photo.number] = np.load(item["boxes"]).astype(np.float32)
            return spent

        yield run


def _facts(photos: Sequence[Photo], boxes: dict[int, Boxes]) -> dict[str, str]:
    """Mean number of boxes and, where objects are annotated, recall."""
    searched = [photo for photo in photos if photo.number in boxes]
    covered = coverage(((Proposals(boxes[photo.number]), photo.target) for photo in searched), ())
    facts = {"boxes": f"{covered.per_image:,.0f}"}
    if len(covered):
        facts |= {name: f"{covered.recall(overlap):.4f}" for overlap, name in RECALLS.items()}
    return facts
