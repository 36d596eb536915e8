"""Timing on a device that works beside the processor: wait for it, and ask for its memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def synchronised(run: Callable[[Item], Result], device: torch.device) -> Callable[[Item], Result]:
    """The same work, finished on return: the queue of a GPU is empty then, and nothing is left for the next to pay."""
    return partial(_run_and_wait, run, device)


def _run_and_wait(run: Callable[[Item], Result], device: torch.device, item: Item) -> Result:
    result = run(item)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return result


def peak_memory(run: Callable[[Item], object], item: Item, device: torch.device) -> int:
    """Bytes of a GPU's memory that a run takes at its most, beyond what is taken before it."""
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run(item)
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def device_name(device: torch.device) -> str:
    """What the device is called: a GPU by its model."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
