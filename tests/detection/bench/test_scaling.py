"""Costs of images of several sizes."""

import numpy as np
import pytest

from detection.bench import scaling
from detection.bench.scaling import Cost, exponent, measure_costs, mosaic
from detection.structures import Proposals, RGBImage


def test_a_mosaic_has_all_photos_at_every_size() -> None:
    image = mosaic([np.full((40, 60, 3), grey, np.uint8) for grey in (10, 200)])
    assert image.shape == (3000, 4000, 3)
    assert {*np.unique(image)} == {*np.unique(image[:400, :600])} == {10, 200}


def test_corners_grow_to_the_whole_image(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []

    def proposer(image: RGBImage) -> Proposals:
        seen.append(image.shape[:2])
        return Proposals(np.zeros((0, 4), np.float32))

    clock = iter(range(1000))
    monkeypatch.setattr(scaling.time, "process_time", lambda: next(clock))
    image = np.zeros((600, 800, 3), np.uint8)
    costs = list(measure_costs(image, proposer, (0.12, 0.48), repeat=1))
    assert [cost.pixels for cost in costs] == [300 * 400, 600 * 800]
    assert [cost.seconds for cost in costs] == [1, 1]
    assert {*seen[1:]} == {(300, 400), (600, 800)}


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_the_exponent_of_growth(power: float) -> None:
    assert exponent([Cost(n, 3e-6 * n**power) for n in (1_000, 50_000, 12_000_000)]) == pytest.approx(power)
