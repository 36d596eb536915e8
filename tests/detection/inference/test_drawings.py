"""Drawings as files."""

from pathlib import Path

import numpy as np
import pytest

from detection.images import IMAGE_SUFFIXES, decode_image
from detection.inference.drawings import DrawingError, drawing_name, save_drawing


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_photo_can_be_drawn_in_its_own_format(tmp_path: Path, suffix: str) -> None:
    image = np.full((30, 40, 3), (200, 100, 50), np.uint8)
    image[10:20, 10:20] = (0, 114, 178)
    path = tmp_path / "sub" / drawing_name(f"a{suffix.upper()}")
    assert path.name == f"a{suffix.upper()}"
    save_drawing(image, path)
    assert np.abs(decode_image(path).astype(int) - image).mean() < 4
    assert [other.name for other in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("photo", ["photo", "sub/a.xyz", "v1.2"])
def test_a_photo_without_a_known_suffix_is_drawn_as_jpeg(tmp_path: Path, photo: str) -> None:
    save_drawing(np.zeros((2, 2, 3), np.uint8), tmp_path / drawing_name(photo))
    assert (tmp_path / f"{photo}.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("suffix", "width"), [(".jpg", 70_000), (".webp", 17_000), (".gif", 70_000)], ids=["jpeg", "webp", "gif"]
)
def test_a_drawing_too_large_for_its_format_is_told(tmp_path: Path, suffix: str, width: int) -> None:
    """Such a photo is of another format than its suffix says."""
    with pytest.raises(DrawingError, match=rf"^a drawing of {width} x 2 pixels cannot be written as [A-Z]+: \w.*"):
        save_drawing(np.zeros((2, width, 3), np.uint8), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".png")
    save_drawing(np.zeros((2, 2, 3), np.uint8), path)
    assert path.exists()


def test_a_name_that_is_too_long_for_a_drawing_is_told(tmp_path: Path) -> None:
    """Of a photo without a suffix, which its drawing gets."""
    with pytest.raises(DrawingError, match=r"^a drawing cannot be called x{20}\.\.\.\.jpg: the name is too long$"):
        save_drawing(np.zeros((2, 2, 3), np.uint8), tmp_path / drawing_name("x" * 254))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_drawing_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    save_drawing(image, tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()

    def full(self: Path, content: object) -> int:
        self.touch()
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, step, full)
    with pytest.raises(OSError, match="No space left on device"):
        save_drawing(image + 9, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
