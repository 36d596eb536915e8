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


def test_parts_are_spread_over_the_image_and_grow_to_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []

    def proposer(image: RGBImage) -> Proposals:
        seen.append((*image.shape[:2], int(image[0, 0, 0])))
        return Proposals(np.zeros((0, 4), np.float32))

    clock = iter(range(1000))
    monkeypatch.setattr(scaling.time, "process_time", lambda: next(clock))
    image = np.zeros((600, 800, 3), np.uint8)
    image[300:, :400], image[:300, 400:], image[300:, 400:] = 1, 2, 3
    costs = list(measure_costs(image, proposer, (0.12, 0.48), repeat=2))
    assert [(cost.megapixels, cost.pixels, cost.seconds) for cost in costs] == [
        (0.12, 600 * 800, (1, 1, 1, 1)),
        (0.48, 600 * 800, (1,)),
    ]
    assert seen[1:] == [(300, 400, quarter) for quarter in (0, 0, 2, 2, 1, 1, 3, 3)] + [(600, 800, 0)] * 2


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_the_exponent_of_growth(power: float) -> None:
    costs = [Cost(size, round(4e6 * size), (3.0 * size**power,) * 4) for size in (0.01, 1.0, 12.0)]
    assert exponent(costs) == pytest.approx(power)
