"""Files that are there whole or not at all, on disks that are full, too."""

import errno
from pathlib import Path

import pytest

from detection.converters.whole_file import whole_file, whole_path

needs_a_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@needs_a_full_disk
def test_the_file_for_which_there_is_no_room_is_named(tmp_path: Path) -> None:
    path = tmp_path / "findings.json"
    path.write_text("before")
    (tmp_path / ".findings.json.part").symlink_to("/dev/full")
    with (
        pytest.raises(OSError, match=r"No space left on device: '.*/findings\.json'") as told,
        whole_file(path) as file,
    ):
        file.write("after")
    assert told.value.errno == errno.ENOSPC
    assert [file.name for file in tmp_path.iterdir()] == ["findings.json"]
    assert path.read_text() == "before"


def test_errors_that_say_more_stay_as_they_are(tmp_path: Path) -> None:
    for error in (OSError("image file is truncated"), FileNotFoundError(errno.ENOENT, "No such file", "other.txt")):
        with pytest.raises(OSError, match=str(error)[-9:]) as told, whole_path(tmp_path / "a"):
            raise error
        assert str(told.value) == str(error)
