from pathlib import Path

import numpy as np

from detection.build.regions_file import read_regions, save_regions


def test_what_is_saved_is_read_for_the_same_key_alone(tmp_path: Path) -> None:
    path = tmp_path / "regions.npz"
    regions = [np.arange(8, dtype=np.float32).reshape(2, 4), np.zeros((0, 4), np.float32), np.ones((1, 4), np.float32)]
    assert read_regions(path, "a") is None
    save_regions(path, "a", regions)
    read = read_regions(path, "a")
    assert [boxes.tolist() for boxes in read] == [boxes.tolist() for boxes in regions]
    assert {boxes.dtype for boxes in read} == {np.dtype(np.float32)}
    assert read_regions(path, "b") is None
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_something_else_is_no_regions(tmp_path: Path) -> None:
    np.savez(tmp_path / "regions.npz", other=np.zeros(3))
    assert read_regions(tmp_path / "regions.npz", "a") is None
