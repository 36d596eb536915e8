"""The trace of a run, and whether another has the same: a line a step with the loss, now and then with the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

TRACE = "trace.jsonl"  # losses as hexadecimal numbers: no bit is lost


class Difference(NamedTuple):
    """The first step (the first of a run is step 1) of which two runs say different things, and what they say."""

    step: int
    ours: str
    theirs: str


def digest(states: Iterable[Mapping[str, Tensor]]) -> str:
    """What tells weights from others that differ in a bit (16 hexadecimal digits)."""
    total = hashlib.sha256()
    for state in states:
        for name, tensor in state.items():
            total.update(name.encode())
            total.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()[:16]


def read_trace(folder: Path) -> dict[int, dict[str, str]]:
    """What a run says of each of its steps; raises ``FileNotFoundError`` where it says nothing."""
    path = folder / TRACE
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: no {TRACE}, so this run cannot be replayed")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {line.pop("step"): line for line in lines}


def first_difference(ours: Mapping[int, dict[str, str]], theirs: Mapping[int, dict[str, str]]) -> Difference | None:
    """Where a run first differs from another that is at least as long; ``None`` where it nowhere does.

    Weights are compared where both have their digest.
    """
    for step, mine in ours.items():
        for name, value in mine.items():
            other = theirs[step].get(name, value)
            if value != other:
                return Difference(step, f"{name} {_shown(value)}", f"{name} {_shown(other)}")
    return None


def _shown(value: str) -> str:
    return f"{float.fromhex(value):.9g}" if value.startswith(("0x", "-0x")) else value
