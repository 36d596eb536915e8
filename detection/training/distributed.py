"""Processes that train one network together, each on its share of a batch: torchrun starts them (data parallel).

Nothing wraps the network: after the backward pass the gradients of all processes are added up, in one message. So the
names of the weights stay, a batch may be cut into parts, and a run does not depend on how many processes share it but
for rounding. Batch norm is the exception: it goes by the share of each process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import torch
from torch import Tensor, distributed
from torch.distributed import distributed_c10d
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

# The others wait while the first process validates or trains a ranker. A process that dies is not waited for: torchrun
# stops the others.
PATIENCE = timedelta(days=7)
ARRIVAL, CONNECTION = timedelta(minutes=30), timedelta(minutes=5)
LOOK_EVERY = 0.05  # seconds


@dataclass(frozen=True)
class Processes:
    """``count`` processes, of which this is number ``rank``; alone it is number 0 of 1."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, size: int) -> range:
        """Which of ``size`` pieces of work are this process's: the shares of all lie one behind the other."""
        return range(size * self.rank // self.count, size * (self.rank + 1) // self.count)

    def check_share(self, photos: int) -> None:
        """Refuse steps of so few photos that a process would have none: ``ValueError``."""
        if photos < self.count:
            raise ValueError(
                f"the {photos} photos of a step are too few for {self.count} processes: "
                "start fewer, or raise training.batch_size"
            )

    def wait(self) -> None:
        """Go on when all are here."""
        if self.count > 1:
            distributed.barrier()

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """What the first process does alone before the others do it, which then find it done."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one device and type by their sums over the processes."""
        if self.count > 1 and tensors:
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            distributed.all_reduce(flat)
            for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
                tensor.copy_(total.view_as(tensor))

    def as_first_says(self, number: float, device: torch.device) -> float:
        """The first process's ``number``."""
        if self.count == 1:
            return number
        said = torch.tensor(number, dtype=torch.float64, device=device)
        distributed.broadcast(said, 0)
        return said.item()


ALONE = Processes()


def was_restarted() -> bool:
    """Whether torchrun has started this process again, after one of them died (``--max-restarts``)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """The processes that torchrun started, and the device of this one: on CUDA each has a GPU of its own.

    Without torchrun this is a process alone. Raises ``ValueError`` where there are fewer GPUs than processes.
    """
    if "WORLD_SIZE" not in os.environ or "RANK" not in os.environ:
        yield ALONE, device
        return
    cuda = device.type == "cuda"
    if cuda:
        device = _own_gpu(int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count())
        torch.cuda.set_device(device)
    _connect("nccl" if cuda else "gloo", device if cuda else None)
    yield Processes(distributed.get_rank(), distributed.get_world_size()), device
    distributed.destroy_process_group()  # after an error the process ends: to leave in order would wait for the others


def _connect(backend: str, gpu: torch.device | None) -> None:
    """Make the processes known to one another; raises ``RuntimeError`` where they cannot reach one another."""
    store, rank, count = next(rendezvous("env://", timeout=ARRIVAL))
    distributed.init_process_group(
        backend, store=meet(store, rank, count), rank=rank, world_size=count, timeout=CONNECTION, device_id=gpu
    )
    set_timeout = getattr(
        distributed_c10d, "set_timeout", distributed_c10d._set_pg_timeout
    )  # public since PyTorch 2.14
    set_timeout(PATIENCE)


def meet(store: Store, rank: int, count: int) -> Store:
    """A part of ``store`` that only these processes know; it is given when all ``count`` are there.

    torchrun keeps one store for a job's whole life. After a restart Gloo would find the addresses that the dead left
    there, and wait for them. So each process shows a token of its own, which the first answers with the name of this
    start; what a dead process shows is answered, too, but nobody reads it. Raises ``RuntimeError`` where not all come.
    """
    token = uuid4().hex
    if rank == 0:
        deadline = time.monotonic() + ARRIVAL.total_seconds()
        while awaited := [other for other in range(1, count) if not store.check([f"here/{token}/{other}"])]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"processes {awaited} of {count} did not come within {ARRIVAL}")
            for other in awaited:
                if store.check([f"token/{other}"]):
                    store.set(f"start/{store.get(f'token/{other}').decode()}", token)
            time.sleep(LOOK_EVERY)
        store.set(f"all/{token}", "")
        return PrefixStore(token, store)
    store.set(f"token/{rank}", token)
    store.wait([f"start/{token}"], ARRIVAL)
    start = store.get(f"start/{token}").decode()
    store.set(f"here/{start}/{rank}", "")
    store.wait([f"all/{start}"], ARRIVAL)
    return PrefixStore(start, store)


def _own_gpu(number: int, count: int) -> torch.device:
    if number >= count:
        raise ValueError(
            f"process {number} of this machine has no GPU of its own, PyTorch sees {count}: "
            "give torchrun a smaller --nproc-per-node, or --device cpu"
        )
    return torch.device("cuda", number)
