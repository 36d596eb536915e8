import torch

from detection.bench.detector import STAGES, bench_detector
from detection.build.detector import build_detector
from tests.detection.build.models import model
from tests.detection.rectangles import rectangles


def test_the_stages_of_every_photo_add_up() -> None:
    detector = build_detector([model()], torch.device("cpu"), top=5)
    (race,) = bench_detector(detector, rectangles(2).images, repeat=1)
    *stages, whole = race.timings
    assert [timing.name for timing in stages] == list(STAGES)
    assert whole.name == "all"
    assert all(len(timing.wall) == 2 for timing in race.timings)
    for photo in range(2):
        assert abs(sum(timing.wall[photo] for timing in stages) - whole.wall[photo]) < 1e-9
