import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from detection.converters.whole_file import part_of
from detection.training.checkpoint import load_checkpoint, save_checkpoint

STATE = {"step": 3, "model": {"weight": torch.arange(1000.0)}, "best": 0.5}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    state = load_checkpoint(path)
    assert (state["step"], state["best"]) == (3, 0.5)
    assert torch.equal(state["model"]["weight"], STATE["model"]["weight"])
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_breaks_off_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)

    def fill_the_disk(state: object, file) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"step": 4})
    assert load_checkpoint(path)["step"] == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("numbers", [10, 1_000_000], ids=["told at the end", "told in between"])
def test_a_full_disk_is_told_with_the_file_and_leaves_nothing_half_written(tmp_path: Path, numbers: int) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    part_of(path).symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: '.*/checkpoint\.pt'$"):
        save_checkpoint(path, {"weight": torch.zeros(numbers)})
    assert list(tmp_path.iterdir()) == [path]
    assert load_checkpoint(path)["step"] == 3


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_a_disk_that_becomes_full_is_told_with_the_file(tmp_path: Path) -> None:
    """In a process that may write 4 MB a file, the last of them in part: PyTorch hides the reason."""
    program = f"""
import resource, signal, torch
from pathlib import Path
from detection.training.checkpoint import save_checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_001, 4_000_001))
try:
    save_checkpoint(Path({str(tmp_path)!r}) / "checkpoint.pt", {{"a": torch.zeros(700_000), "b": torch.zeros(900_000)}})
except OSError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == f"[Errno 27] File too large: '{tmp_path}/checkpoint.pt'\n"
    assert list(tmp_path.iterdir()) == []


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    path.write_bytes(b"these are not weights")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


class Malicious:
    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(Path(__file__).parent / "was_executed"),))


def poisoned(path: Path) -> None:
    path.write_bytes(pickle.dumps(Malicious(), protocol=2))


def poisoned_by_torch(path: Path) -> None:
    torch.save(Malicious(), path)


@pytest.mark.parametrize("damage", [truncated, overwritten, emptied, poisoned, poisoned_by_torch])
def test_a_damaged_or_foreign_file_is_refused_in_one_line(tmp_path: Path, damage) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    damage(path)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is not a checkpoint, or is damaged") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert not (Path(__file__).parent / "was_executed").exists()


def test_a_missing_checkpoint_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is nothing to resume; run without --resume"):
        load_checkpoint(tmp_path / "checkpoint.pt")
