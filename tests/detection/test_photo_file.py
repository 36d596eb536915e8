"""What tells a photo's file from another by the same name."""

import os
import sys
from pathlib import Path

import pytest

from detection.photo_file import PhotoFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a.jpg").write_bytes(b"a photo")
    return tmp_path / "a.jpg"


def test_a_file_is_known_again_after_a_copy(path: Path) -> None:
    file = PhotoFile.of(path)
    assert file is not None
    assert not file.is_replaced(path)
    os.utime(path, (1, 1))
    assert not file.is_replaced(path)


@pytest.mark.parametrize("content", [b"another", b"a longer photo", b""], ids=["as long", "longer", "empty"])
def test_another_file_of_the_same_name_is_told(path: Path, content: bytes) -> None:
    file = PhotoFile.of(path)
    assert file is not None
    path.write_bytes(content)
    os.utime(path, (1, 1))
    assert file.is_replaced(path)


def test_what_is_not_there_replaces_nothing(path: Path) -> None:
    file = PhotoFile.of(path)
    assert file is not None
    path.unlink()
    assert not file.is_replaced(path)
    assert PhotoFile.of(path) is None
    path.mkdir()
    assert not file.is_replaced(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names there")
def test_a_pipe_is_not_waited_for(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    assert PhotoFile.of(path) is None


def test_there_and_back(path: Path) -> None:
    file = PhotoFile.of(path)
    assert file is not None
    assert PhotoFile.from_json(file.to_json()) == file


@pytest.mark.parametrize("value", [3, {}, {"size": 1, "modified": "2", "sha256": ""}, {"size": 1}])
def test_what_is_no_file_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="file: expected an object with the keys size, modified, sha256, got "):
        PhotoFile.from_json(value)
