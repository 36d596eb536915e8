"""A CUDA device that is none: the path that a GPU takes runs where there is no GPU, and what goes wrong there shows.

Tensors "on" it lie in main memory and bear a mark. Every call of PyTorch is looked at: a tensor on the device may not
meet one that is not, it has no NumPy array, and what makes the processor wait for the device is counted. So where
things are, and how often the two wait for each other, is as on a real one; times, kernels and rounding are not.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves, tree_map_only

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
CROSSINGS = {"to", "cpu", "cuda", "copy_"}  # there tensors of two devices may meet
READINGS = {
    "item", "tolist", "__bool__", "__int__", "__float__", "__index__", "__contains__", "__format__",
    "equal", "allclose", "is_nonzero", "nonzero", "argwhere", "masked_select", "unique", "unique_consecutive",
    "bincount", "repeat_interleave",
}  # fmt: skip
NO_COMPUTATION = {"_parse_to", "device", "_has_compatible_shallow_copy_type"}
OF_A_GPU: dict[str, Callable[..., object]] = {
    "is_available": lambda: True,
    "device_count": lambda: 1,
    "is_bf16_supported": lambda *_, **__: True,
    "get_device_name": lambda *_: "pretended",
    "get_device_capability": lambda *_: (9, 0),
    "device": lambda *_: nullcontext(),
    "set_device": lambda *_: None,
    "is_current_stream_capturing": lambda: False,
    "synchronize": lambda *_: None,
    "manual_seed_all": lambda *_: None,
    "reset_peak_memory_stats": lambda *_: None,
    "memory_allocated": lambda *_: 0,
    "max_memory_allocated": lambda *_: 0,
}


class PretendedCuda(TorchFunctionMode):
    """While it lasts there is a device ``cuda``; ``waits`` counts by function what made the processor wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs, name = dict(kwargs or {}), getattr(function, "__name__", "")
        if name in NO_COMPUTATION:
            return function(*args, **kwargs)
        if name == "__get__":
            return _attribute(function, args[0])
        if name == "__set__":
            function(*args)
            return _mark(args[0], there=is_there(args[1] if function.__self__.__name__ == "data" else args[0]))
        if name == "__deepcopy__":
            return _mark(function(*args), there=is_there(args[0]))  # the others were copied before it
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        any_there = any(map(is_there, tensors))
        if name not in CROSSINGS and any_there and not all(is_there(one) or one.ndim == 0 for one in tensors):
            each = ", ".join(f"{tuple(one.shape)} on {CUDA.type if is_there(one) else CPU.type}" for one in tensors)
            raise RuntimeError(f"{resolve_name(function) or name}: tensors of two devices meet: {each}")
        if any_there and name in {"numpy", "__array__"} and not kwargs.get("force"):
            raise TypeError("can't convert cuda:0 device type tensor to numpy: use Tensor.cpu() first")
        pinned = name == "pin_memory" or kwargs.pop("pin_memory", False)
        result = args[0].clone() if name == "pin_memory" else function(*_here(args), **_here(kwargs))
        wanted = _device_named(name, tensors, args, kwargs)
        goes_there = any_there if wanted is None else wanted.type == "cuda"
        self._count(name, tensors, args, kwargs, goes_there=goes_there)
        if pinned:
            result.pretends_to_be_pinned = True
        if name == "copy_":
            return result
        if isinstance(result, Tensor) and any(result is one for one in tensors) and goes_there != is_there(result):
            result = result.clone()  # else the original would have moved as well
        return _mark(result, there=goes_there)

    def _count(
        self, name: str, tensors: list[Tensor], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, goes_there: bool
    ) -> None:
        """Note what would not have gone on before the device had come so far."""
        source = tensors[-1] if tensors else None
        if name in CROSSINGS and source is not None:
            target = is_there(tensors[0]) if name == "copy_" else goes_there
            if is_there(source) and not target:
                self.waits["read back"] += 1
            elif target and not is_there(source):
                beside = kwargs.get("non_blocking", False) and getattr(source, "pretends_to_be_pinned", False)
                self.waits["brought"] += not beside
        elif name in {"tensor", "as_tensor", "new_tensor"}:
            self.waits["brought"] += goes_there
        elif any(map(is_there, tensors)):
            by_index = name in {"__getitem__", "__setitem__"} and _index_waits(args[1])
            self.waits[name] += name in READINGS or by_index or (name == "where" and len(args) == 1)
        self.waits += Counter()  # without those of which there was none


def is_there(tensor: Tensor) -> bool:
    """Whether a tensor is on the pretended device."""
    return getattr(tensor, "pretends_to_be_there", False)


def _mark(result: Any, *, there: bool) -> Any:
    for leaf in tree_leaves(result):
        if isinstance(leaf, Tensor) and (there or is_there(leaf)):
            leaf.pretends_to_be_there = there  # type: ignore[attr-defined]
    return result


def _attribute(function: Any, tensor: Tensor) -> Any:
    """``tensor.device``, ``.grad``, ``.T`` and the like."""
    there = is_there(tensor)
    places = {"device": CUDA if there else CPU, "is_cuda": there, "is_cpu": not there}
    name = function.__self__.__name__
    return places[name] if name in places else _mark(function(tensor), there=there)


def _device_named(
    name: str, tensors: list[Tensor], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> torch.device | None:
    """The device that a call asks for."""
    if name in {"cpu", "cuda"}:
        return CPU if name == "cpu" else CUDA
    if name == "to" and len(tensors) > 1:
        return CUDA if is_there(tensors[1]) else CPU
    named = [kwargs.get("device"), *(one for one in args if isinstance(one, torch.device))]
    if name == "to" and len(args) > 1 and isinstance(args[1], str):
        named = [args[1]]
    return next((torch.device(one) for one in named if one is not None), None)


def _here(values: Any) -> Any:
    """Arguments of a call that name no device but the processor."""
    values = tree_map_only(torch.device, lambda device: CPU if device.type == "cuda" else device, values)
    return tree_map_only(str, lambda text: "cpu" if text.startswith("cuda") else text, values)


def _index_waits(index: Any) -> bool:
    """How much a mask selects only the device knows; lists and arrays are brought to it."""
    parts = index if isinstance(index, tuple) else (index,)
    masks = (part for part in parts if isinstance(part, Tensor) and part.dtype in {torch.bool, torch.uint8})
    return next(masks, None) is not None or any(isinstance(part, list | np.ndarray) for part in parts)


_make_subclass = torch.Tensor._make_subclass


def _subclass(kind: type, tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
    return _mark(_make_subclass(kind, tensor, *args, **kwargs), there=is_there(tensor))


@contextmanager
def pretended_cuda() -> Iterator[PretendedCuda]:
    """PyTorch with a CUDA device, in this thread and in all that start meanwhile."""
    mode, run, autocast = PretendedCuda(), threading.Thread.run, torch.autocast

    def run_there(thread: threading.Thread) -> None:
        with mode:
            run(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "run", run_there)
        patch.setattr(torch.Tensor, "_make_subclass", _subclass)  # torch.nn.Parameter(tensor)
        patch.setattr(torch, "autocast", lambda kind, *args, **kwargs: autocast("cpu", *args, **kwargs))
        patch.setattr(torch.accelerator, "current_stream", lambda *_: SimpleNamespace(is_capturing=lambda: False))
        for name, value in OF_A_GPU.items():
            patch.setattr(torch.cuda, name, value)
        with mode:
            yield mode
