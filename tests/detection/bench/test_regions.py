import numpy as np
import torch

from detection.bench.regions import Photo, bench_regions
from detection.regions.warp import Warp

WARP = Warp(size=32, context=4)


def photo(seed: int) -> Photo:
    random = np.random.default_rng(seed)
    boxes = np.array([[10, 10, 40, 30], [0, 0, 60, 50], [45, 20, 60, 50]], np.float32)
    return Photo(random.integers(0, 256, (50, 60, 3), dtype=np.uint8), boxes)


def test_every_way_makes_the_crops_and_ours_are_the_definition() -> None:
    (race,) = bench_regions([photo(0), photo(1)], warp=WARP, repeat=1)
    off = {timing.name: float(timing.facts["grey levels off"]) for timing in race.timings}
    assert off["ours"] == off["ours, by gather"] == off["R-CNN's loop (the definition)"] == 0
    assert 0 < off["OpenCV, region by region"] < 128
    assert 0 < off["torchvision roi_align"] < 128
    assert race.units == 3
    assert all(len(timing.wall) == 2 for timing in race.timings)


def test_peers_agree_with_ours_where_no_border_is_needed() -> None:
    """All but the edge of the crop, which roi_align reads from beyond the region."""
    inside = Photo(photo(0).image, np.array([[20, 20, 40, 30]], np.float32))
    (race,) = bench_regions([inside], warp=WARP, repeat=1, device=torch.device("cpu"))
    off = {timing.name: float(timing.facts["grey levels off"]) for timing in race.timings}
    assert off["torchvision roi_align"] < 5
    assert off["OpenCV, region by region"] < 1  # it rounds to whole grey levels
