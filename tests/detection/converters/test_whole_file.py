"""Files that are there whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from detection.converters.whole_file import whole_file, whole_path


@pytest.mark.parametrize("name", ["x" * 251 + ".txt", "犬" * 85, "a.txt"])
def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path, name: str) -> None:
    with whole_file(tmp_path / "sub" / name) as file:
        file.write("whole")
    assert [(path.name, path.read_text()) for path in (tmp_path / "sub").iterdir()] == [(name, "whole")]


def test_files_beside_one_another_are_written_at_once(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as one, whole_file(tmp_path / "b") as other:
        one.write("a")
        other.write("b")
    assert [(tmp_path / name).read_text() for name in "ab"] == ["a", "b"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG])
def test_an_error_of_the_disk_names_the_file_and_leaves_the_old_one(tmp_path: Path, code: int) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half() -> None:
        with whole_path(path) as part:
            part.write_text("half")
            raise OSError(code, os.strerror(code))

    with pytest.raises(OSError, match=r"\[Errno \d+\] .*: '.*a\.txt'$") as caught:
        write_half()
    assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "old")]


def test_errors_of_others_stay_as_they_are(tmp_path: Path) -> None:
    for error in (OSError("the network is gone"), FileNotFoundError(errno.ENOENT, "No such file", "b.txt"), KeyError()):
        with pytest.raises(type(error)) as caught, whole_path(tmp_path / "a.txt"):
            raise error
        assert caught.value is error
