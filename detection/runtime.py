"""The machine underneath: which device, an allocator that keeps what it has, and arithmetic that repeats itself."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Sequence

import torch
from torch import Tensor

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """The device of ``--device``: "auto" takes a GPU where there is one.

    Raises ``ValueError`` where the device asked for is not there.
    """
    if isinstance(name, torch.device):
        name = "cpu" if name.type == "cpu" else str(name)  # there is one processor, which PyTorch also calls cpu:0
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise ValueError(f"unknown device {name!r}; choose auto, cpu, cuda or, of several, cuda:1")
    device, count = torch.device(name), torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        seen = f"{count} CUDA device{'s' if count > 1 else ''}" if count else "no CUDA device"
        raise ValueError(f"device {name!r} was asked for, but PyTorch sees {seen}; use {'cuda' if count else 'cpu'}")
    return device


def constants(values: Sequence[float], beside: Tensor) -> Tensor:
    """A few numbers (N,) on the device of another tensor, of its type: made there, as to bring them waits for a GPU."""
    return torch.stack([beside.new_full((), value) for value in values])


def spare_threads(device: torch.device) -> int:
    """How many threads the processor has to spare while ``device`` works: none where it is that device itself."""
    return 0 if device.type == "cpu" else max(2, min(8, (os.cpu_count() or 1) - 2))


def keep_freed_memory() -> bool:
    """Tell glibc not to hand large blocks back to the system after every layer; False where there is no glibc.

    A convolution's output is tens of megabytes. By default each is mapped afresh, and the kernel clears every page
    again: measured on two cores of an AMD EPYC, 64 crops, bfloat16, this call took inference from 103 to 155 crops a
    second and a training step from 50 to 94.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt  # of the C library that this process runs on
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1) and mallopt(M_TOP_PAD, 64 << 20))


def make_deterministic(threads: int) -> None:
    """Let the same program give the same bits: nothing that may add in another order, and a fixed number of threads.

    An operation that has no deterministic form raises ``RuntimeError`` from then on. To be called before the first
    computation on CUDA, whose matrix products look for their workspace once.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(threads)
