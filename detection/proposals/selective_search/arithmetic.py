"""Arithmetic that Numba has no word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba.core import types
from numba.extending import intrinsic

FLOAT = types.float32


@intrinsic
def _fma(_context: Any, _a: Any, _b: Any, _c: Any) -> Any:
    return FLOAT(FLOAT, FLOAT, FLOAT), lambda _, builder, __, arguments: builder.fma(*arguments)


fma = cast("Callable[[np.float32, np.float32, np.float32], np.float32]", _fma)
"""``a * b + c`` of float32 rounded once, IEEE 754's fusedMultiplyAdd, for use inside kernels.

A processor without such an instruction gives the same result, slowly: the compiler calls the C library's ``fmaf``.
"""
