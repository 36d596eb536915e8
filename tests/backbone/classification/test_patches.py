"""Section 6's sampling: area, aspect, interpolation, mirror, colours; and that it repeats itself."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backbone.classification.patches import ASPECT, INTERPOLATIONS, PatchStream, draw_patch
from backbone.classification.photos import LabelledPhotos

PHOTOS = LabelledPhotos(("a", "b"), tuple(Path(f"{number}.png") for number in range(7)), (0, 1, 0, 1, 0, 1, 0))
SIZES = st.integers(1, 600)


def decode(path: Path) -> NDArray[np.uint8]:
    """A photo that tells which it is, and is not its own mirror image."""
    image = np.zeros((40, 50, 3), np.uint8)
    image[..., 0] = 20 * int(path.stem)
    image[..., 1] = np.arange(50)
    return image


def unreadable(path: Path) -> NDArray[np.uint8]:
    raise ValueError(f"photo {path}: truncated")


def stream(**options: object) -> PatchStream:
    return PatchStream(PHOTOS, decode, **({"size": 32, "photometric": False} | options))  # type: ignore[arg-type]


@given(SIZES, SIZES, st.integers(0, 1000))
def test_a_patch_lies_in_its_photo(width: int, height: int, seed: int) -> None:
    patch = draw_patch(width, height, np.random.default_rng(seed))
    assert 0 <= patch.x <= patch.x + patch.width <= width
    assert 0 <= patch.y <= patch.y + patch.height <= height
    assert min(patch.width, patch.height) >= 1


@pytest.mark.parametrize(("width", "height"), [(1200, 1200), (1600, 1200), (900, 1200)])
def test_area_is_even_from_8_to_100_percent_and_aspect_between_3_4_and_4_3(width: int, height: int) -> None:
    random = np.random.default_rng(0)
    patches = np.array([draw_patch(width, height, random) for _ in range(4000)], float)
    shares = patches[:, 2] * patches[:, 3] / (width * height)
    assert np.abs(np.sort(shares) - np.linspace(0.08, 1, 4000)).max() < 0.92 * 1.63 / 4000**0.5  # Kolmogorov, 1%
    aspects = patches[:, 2] / patches[:, 3]
    assert aspects.min() > ASPECT[0] * 0.99
    assert aspects.max() < ASPECT[1] * 1.01
    assert aspects.min() < 0.8
    assert aspects.max() > 1.25


def test_positions_are_even() -> None:
    random = np.random.default_rng(1)
    patches = [draw_patch(100, 100, random) for _ in range(4000)]
    places = [patch.x / (100 - patch.width) for patch in patches if patch.width < 90]
    assert abs(np.mean(places) - 0.5) < 0.02
    assert min(places) == 0
    assert max(places) == 1


def test_of_a_long_photo_the_largest_patch_stands_for_areas_that_do_not_fit() -> None:
    random = np.random.default_rng(0)
    patches = {draw_patch(500, 100, random)[2:] for _ in range(300)}
    assert max(patches) == (133, 100)
    assert max(draw_patch(100, 500, random).height for _ in range(300)) == 133


def test_the_four_interpolations_are_equally_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    resize = cv2.resize

    def spy(image: NDArray[np.uint8], size: tuple[int, int], *, interpolation: int) -> NDArray[np.uint8]:
        used.append(interpolation)
        return np.asarray(resize(image, size, interpolation=interpolation), np.uint8)

    monkeypatch.setattr(cv2, "resize", spy)
    patches = stream()
    for position in range(800):
        patches[position]
    assert set(INTERPOLATIONS) == {cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_NEAREST, cv2.INTER_CUBIC}
    assert all(abs(used.count(each) - 200) < 4 * 150**0.5 for each in INTERPOLATIONS)  # 4 deviations


def test_half_of_the_crops_are_mirrored() -> None:
    mirrored = [bool(crop[1, 0, 0] > crop[1, 0, -1]) for crop, _ in (stream()[position] for position in range(400))]
    assert abs(sum(mirrored) - 200) < 40


def test_an_epoch_has_every_photo_once_and_the_next_another_order() -> None:
    patches = stream()
    epochs = [[patches.index(7 * epoch + offset) for offset in range(7)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert patches.index(3) == epochs[0][3]  # backwards too


def test_a_position_gives_the_same_crop_whenever_it_is_asked_for() -> None:
    first, second = stream(photometric=True), stream(photometric=True)
    assert torch.equal(first[11][0], second[11][0])
    first[3]
    assert torch.equal(first[11][0], second[11][0])
    assert not torch.equal(stream(photometric=True, seed=1)[11][0], second[11][0])


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_positions_in_their_order(workers: int) -> None:
    patches = stream(photometric=True)
    (_, labels), (crops, _) = list(patches.batches(1, 3, 4, workers=workers))
    assert labels.tolist() == [patches[position][1] for position in range(4, 8)]
    assert torch.equal(crops, torch.stack([patches[position][0] for position in range(8, 12)]))
    assert crops.shape == (4, 3, 32, 32)
    assert crops.dtype == torch.uint8


@pytest.mark.parametrize("workers", [0, 2])
def test_a_photo_that_cannot_be_read_is_told_in_the_words_of_the_reader(workers: int) -> None:
    patches = stream()
    patches.decode = unreadable
    with pytest.raises(ValueError, match=r"^photo .*: truncated$"):
        next(patches.batches(0, 2, 2, workers=workers))


def test_distortions_change_colours_and_move_nothing() -> None:
    plain, distorted = stream(), stream(photometric=True)
    different = 0
    for position in range(20):
        a, b = plain[position][0], distorted[position][0]
        different += int(not torch.equal(a, b))
        assert torch.equal(a[1].argmax(dim=1) >= 16, b[1].argmax(dim=1) >= 16)  # the bright side stays where it was
    assert different == 20
