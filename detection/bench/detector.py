"""Seconds a photo, stage by stage: where a detector's time goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from detection.bench.device import device_name, synchronised
from detection.bench.timing import Race, Report, Result, Spent, Timing, measure, silent
from detection.detector import RegionDetector
from detection.regions.crops import crop_regions
from detection.structures import RGBImage

STAGES = ("propose", "select", "warp", "score", "suppress")


def bench_detector(
    detector: RegionDetector, images: Sequence[RGBImage], *, repeat: int = 3, report: Report = silent
) -> list[Race]:
    """The stages of :meth:`RegionDetector.predict`, and the whole of them; the first photo is run once before."""
    time_stages(detector, images[0])
    rounds = []
    for done, image in enumerate([image for image in images for _ in range(repeat)], start=1):
        rounds.append(time_stages(detector, image))
        report("detecting", done, repeat * len(images))
    photos = [rounds[start : start + repeat] for start in range(0, len(rounds), repeat)]
    timings = [_timing(name, [[spent[name] for spent in photo] for photo in photos]) for name in (*STAGES, "all")]
    title = f"a detector's stages, {device_name(detector.scorer.device)}, {detector.selection.top or 'all'} regions"
    return [Race(title, "photo", timings, baseline=None)]


def time_stages(detector: RegionDetector, image: RGBImage) -> dict[str, Spent]:
    """What each of ``STAGES`` takes for one image, and all of them.

    The scorer warps and scores batch by batch; the warp of all its regions is timed once more by itself, and what is
    left of the scorer's time is ``score``.
    """
    scorer = detector.scorer

    def timed(work: Callable[[], Result]) -> tuple[Result, Spent]:
        return measure(lambda: synchronised(lambda _: work(), scorer.device)(None))

    proposals, propose = timed(lambda: detector.proposer(image))
    regions, select = timed(lambda: detector.select(image, proposals))
    scored, both = timed(lambda: scorer(image, regions.boxes))
    warps = [alike.first.warp for alike in scorer.sharers]
    _, warp = timed(lambda: [crop_regions(image, regions.boxes, warp, scorer.device) for warp in warps])
    _, last = timed(lambda: detector.suppression(scored.boxes, scored.scores))
    score = Spent(max(both.wall - warp.wall, 0), max(both.cpu - warp.cpu, 0))
    stages = dict(zip(STAGES, (propose, select, warp, score, last), strict=True))
    return {**stages, "all": Spent(sum(one.wall for one in stages.values()), sum(one.cpu for one in stages.values()))}


def _timing(name: str, photos: Sequence[Sequence[Spent]]) -> Timing:
    """The median of every photo's rounds."""
    wall = tuple(median(spent.wall for spent in rounds) for rounds in photos)
    return Timing(name, wall, tuple(median(spent.cpu for spent in rounds) for rounds in photos))
