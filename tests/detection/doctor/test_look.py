"""What makes two photos alike, and what does not."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.doctor.look import (
    LEAST_CORRELATION,
    MOST_BITS,
    candidates,
    correlation,
    has_contrast,
    perceptual_hash,
    thumbnail,
)
from tests.detection.doctor.planted import encoded, scene

SEEDS = st.integers(0, 10_000)


def alike(image: np.ndarray, other: np.ndarray) -> bool:
    smalls = np.stack([thumbnail(image), thumbnail(other)])
    pairs = candidates(np.array([perceptual_hash(small) for small in smalls]))
    return len(pairs) == 1 and bool(correlation(smalls[:1], smalls[1:])[0] >= LEAST_CORRELATION)


@settings(max_examples=60)
@given(
    SEEDS, st.integers(40, 95), st.floats(0.6, 1.0), st.integers(-30, 30), st.floats(0.75, 1.4), st.floats(0.96, 1.04)
)
def test_a_photo_saved_anew_is_the_same(
    seed: int, quality: int, contrast: float, brightness: int, scale: float, stretch: float
) -> None:
    """JPEG's losses, brightness, contrast, another size and slightly another shape."""
    image = scene(seed, (160, 120))
    size = (round(160 * scale * stretch), round(120 * scale))
    duller = (image.astype(np.float32) - 128) * contrast * 0.7 + 128 + brightness  # within 0 to 255
    changed = encoded(cv2.resize(np.clip(duller, 0, 255).astype(np.uint8), size), quality)
    assert alike(image, changed)


@settings(max_examples=60)
@given(SEEDS, SEEDS, st.booleans())
def test_other_photos_are_not(seed: int, other: int, noise: bool) -> None:
    def make(number: int) -> np.ndarray:
        if noise:
            return np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        return scene(number)

    assert alike(make(seed), make(other)) == (seed == other)


def test_no_pair_among_many_photos_of_noise() -> None:
    random = np.random.default_rng(0)
    smalls = np.stack([thumbnail(random.integers(0, 256, (40, 40, 3), dtype=np.uint8)) for _ in range(2000)])
    assert len(candidates(np.array([perceptual_hash(small) for small in smalls]))) == 0


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(0, 9))
def test_candidates_are_those_of_all_pairs(seed: int, count: int, most_flips: int) -> None:
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, count, dtype=np.uint64)
    for row in random.integers(0, count, count // 2):
        bits = random.choice(64, random.integers(0, most_flips + 1), replace=False).astype(np.uint64)
        hashes[row] = hashes[random.integers(0, count)] ^ np.bitwise_or.reduce(
            np.uint64(1) << bits, initial=np.uint64(0)
        )
    distances = np.bitwise_count(hashes[:, None] ^ hashes[None])
    assert np.array_equal(candidates(hashes), np.argwhere(np.triu(distances <= MOST_BITS, 1)))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_photos_of_any_shape(size: tuple[int, int]) -> None:
    small = thumbnail(scene(1, size))
    assert small.shape == (32, 32)
    assert isinstance(perceptual_hash(small), np.uint64)


def test_a_flat_picture_has_nothing_to_tell_it_by() -> None:
    assert not has_contrast(thumbnail(np.full((30, 40, 3), 200, np.uint8)))
    assert has_contrast(thumbnail(scene(3)))
