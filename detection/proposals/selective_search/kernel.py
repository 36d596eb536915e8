"""How the engine's loops are compiled: by Numba, at their first call, and kept on disc for the next process.

A kernel may call only kernels of its own file, and use only constants of its own file: Numba's cache looks at the date
of that file alone, and would go on using the old machine code when something changed elsewhere. And a kernel contains
no comprehension: where there is one, Numba drops writes to arrays that are reached through a tuple (numba/numba#7595).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import event

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile ``function`` at its first call; importing it compiles nothing.

    Indices are not checked, division follows NumPy, and the interpreter's lock is released, so that threads run side
    by side. Floating point keeps the order that is written: no result depends on how the compiler vectorises.
    """
    return _compiled(function)


def borrowing_kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A kernel that makes and returns no array, and so need not count who uses its arrays, which took half of its time.

    It may call only kernels of this kind. Numba has no public name for the option.
    """
    return _compiled(function, _nrt=False)


def _compiled(function: Callable[Arguments, Result], **options: Any) -> Callable[Arguments, Result]:
    try:
        compiled = numba.njit(function, cache=True, nogil=True, error_model="numpy", **options)
    except RuntimeError:  # there is no folder that the machine code could be kept in: each process compiles anew
        compiled = numba.njit(function, nogil=True, error_model="numpy", **options)
    return cast("Callable[Arguments, Result]", compiled)


class _Notice(event.Listener):
    """Says once in a process that kernels are being compiled, and where the result is kept."""

    def __init__(self) -> None:
        self.given = False

    def on_start(self, event: Any) -> None:
        dispatcher = event.data["dispatcher"]
        if self.given or not str(dispatcher.py_func.__module__).startswith(str(__package__)):
            return
        self.given = True
        place = dispatcher.stats.cache_path or "memory alone, as no folder for it can be written"
        logger.info("compiling selective search for this machine: some 20 seconds, once (kept in %s)", place)

    def on_end(self, event: Any) -> None:
        """Each kernel is an event of its own; that the last has ended is seen by the boxes that follow."""


event.register("numba:compile", _Notice())  # type: ignore[no-untyped-call]
