"""Processes that share a batch learn what one process learns from all of it."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed, multiprocessing

from detection.training.distributed import ALONE, Processes, joined, meet, was_restarted
from tests.detection.training.test_finetune import lines, run, tuning

CPU = torch.device("cpu")
STEPS = 4
LOSSES = ("classification_loss", "box_loss", "accuracy")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [0, 2, 7, 32])
def test_every_piece_of_work_is_one_process_s(count: int, size: int) -> None:
    shares = [Processes(rank, count).share(size) for rank in range(count)]
    assert [piece for share in shares for piece in share] == list(range(size))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("count", [2, 3])
def test_the_shares_of_a_batch_are_the_batch(tmp_path: Path, count: int) -> None:
    whole = tuning(tmp_path).loader.batch(3)
    shares = [tuning(tmp_path, processes=Processes(rank, count)).loader.batch(3) for rank in range(count)]
    for name in ("crops", "classes", "regions", "matches"):
        assert torch.equal(torch.cat([getattr(share, name) for share in shares]), getattr(whole, name)), name
    assert np.array_equal(np.concatenate([share.images for share in shares]), whole.images)
    assert {share.total for share in shares} == {len(whole.classes)}
    assert [share.first for share in shares] == np.cumsum([0, *(len(share.classes) for share in shares[:-1])]).tolist()


def test_more_processes_than_photos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"photos of a step are too few for 40 processes: .*training\.batch_size"):
        tuning(tmp_path, processes=Processes(0, 40))


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(CPU) as found:
        assert found == (ALONE, CPU)
    weight = torch.ones(3)
    ALONE.add([weight])
    ALONE.wait()
    assert weight.tolist() == [1, 1, 1]
    assert ALONE.as_first_says(0.5, CPU) == 0.5


def test_a_process_without_a_gpu_of_its_own_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="process 1 of this machine has no GPU of its own, PyTorch sees 1"):
        joined(torch.device("cuda")).__enter__()


def test_those_who_meet_know_a_store_that_the_dead_did_not_write_in() -> None:
    store = distributed.HashStore()
    for _ in range(3):
        with ThreadPoolExecutor(3) as threads:
            own = list(threads.map(lambda rank: meet(store, rank, 3), range(3)))
        assert not any(part.check(["address"]) for part in own)
        own[2].set("address", "of one that dies")
        assert all(part.get("address") == b"of one that dies" for part in own)
        store.set("token/1", "of one that died before the others came")


def test_one_that_does_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detection.training.distributed.ARRIVAL", timedelta(seconds=0.1))
    store = distributed.HashStore()
    store.set("token/2", "of a dead process")
    with pytest.raises(RuntimeError, match=r"processes \[1, 2\] of 3 did not come within 0:00:00.1"):
        meet(store, 0, 3)


def add_ranks(rank: int, port: int) -> None:
    """One of two processes, whose store is torchrun's and outlives them."""
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "RANK": str(rank)}
    os.environ.update(address, TORCHELASTIC_USE_AGENT_STORE="True")
    with joined(CPU) as (processes, _):
        total = torch.tensor([float(rank)])
        processes.add([total])
        assert total.item() == 1


def test_processes_find_one_another_again_after_a_restart() -> None:
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    for _ in range(2):
        multiprocessing.spawn(add_ranks, (store.port,), nprocs=2)


def test_torchrun_says_that_it_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RESTART_COUNT", raising=False)
    assert not was_restarted()
    for count, restarted in (("0", False), ("2", True)):
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", count)
        assert was_restarted() == restarted


def train_together(rank: int, count: int, port: int, folder: Path) -> None:
    """One of ``count`` processes: trains, and says what it sees of the others."""
    torch.set_num_threads(1)
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count), "RANK": str(rank)}
    os.environ.update(address)
    with joined(CPU) as (processes, _):
        for name, settings in SETTINGS.items():
            with processes.first_ahead():
                one = tuning(folder / name, processes=processes, **settings)
            run(one, STEPS)
            one.processes.wait()
            weight = one.model.heads.linear.weight
            other = weight.detach() / count
            processes.add([other])
            assert torch.equal(other, weight.detach()), "all processes have the same weights"
        assert processes.as_first_says(float(rank), CPU) == 0


SETTINGS = {
    "plain": {"log_every": 1, "dtype": torch.float32},
    "in parts": {"log_every": 1, "dtype": torch.float32, "accumulate": 2, "frozen": "stem"},
}


def test_two_processes_have_the_losses_of_one_with_the_whole_batch(tmp_path: Path) -> None:
    """With dropout; one process has a batch of all objects, and two have half of them each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "two").mkdir()
    multiprocessing.spawn(train_together, (2, port, tmp_path / "two"), nprocs=2)
    for name, settings in SETTINGS.items():
        one = tuning(tmp_path / name, **settings)
        assert one.model.heads.dropout.p > 0
        run(one, STEPS)
        alone, shared = lines(tmp_path / name), lines(tmp_path / "two" / name)
        assert [line["step"] for line in shared] == [1, 2, 3, 4]
        for line, other in zip(alone, shared, strict=True):
            assert [other[loss] for loss in LOSSES] == pytest.approx([line[loss] for loss in LOSSES], rel=1e-6)
            assert other["crops"] == line["crops"]
