from concurrent.futures import ThreadPoolExecutor

import numpy as np

from detection.training.augmentation import photometric
from tests.detection.rectangles import rectangles

DATASET = rectangles(2)


def read(seed: int, reader=None) -> bytes:
    return (reader or photometric(DATASET))(seed % 2, np.random.default_rng(seed)).tobytes()


def test_a_distortion_depends_on_its_random_state_alone() -> None:
    reader = photometric(DATASET)
    first = [read(seed, reader) for seed in range(20)]
    assert [read(seed, reader) for seed in reversed(range(20))] == first[::-1]
    assert [read(seed) for seed in range(20)] == first
    assert len(set(first)) > 10


def test_threads_do_not_disturb_each_other() -> None:
    reader = photometric(DATASET)
    alone = [read(seed, reader) for seed in range(80)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda seed: read(seed, reader), range(80))) == alone


def test_a_photo_keeps_its_size_and_the_data_set_its_photos() -> None:
    before = DATASET.images[0].copy()
    for seed in range(5):
        image = photometric(DATASET)(0, np.random.default_rng(seed))
        assert (image.shape, image.dtype) == (before.shape, np.uint8)
    assert np.array_equal(DATASET.images[0], before)
