"""Objects by their size, in pixels and relative to their photo."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.strata import COCO_SIZES
from detection.report.proposals.measure import Measured


@dataclass(frozen=True)
class Bin:
    """Objects whose side, the root of their area, lies in [low, high).

    ``unit``: in pixels, or as a share of the root of their photo's area.
    """

    low: float
    high: float
    unit: Literal["pixels", "share"]

    @property
    def coco(self) -> str | None:
        """COCO's name of the sizes that the bin is part of."""
        bounds, names = COCO_SIZES
        return names[bisect_left(bounds, self.high**2)] if self.unit == "pixels" else None

    @property
    def name(self) -> str:
        """Such as ``32 to 64 (COCO medium)``, ``0.2 to 0.4`` and ``384 and more (COCO large)``."""
        end = "and more" if math.isinf(self.high) else f"to {self.high:g}"
        return f"{self.low:g} {end}" + (f" (COCO {self.coco})" if self.coco else "")

    def holds(self, measured: Measured) -> NDArray[np.bool_]:
        """(G,) which objects of a data set are of this size."""
        sides = np.sqrt(measured.covered.areas) if self.unit == "pixels" else measured.relative_sides()
        return np.asarray((sides >= self.low) & (sides < self.high))


PIXELS = tuple(Bin(*ends, "pixels") for ends in itertools.pairwise((0, 16, 32, 64, 96, 192, 384, math.inf)))
SHARES = tuple(Bin(*ends, "share") for ends in itertools.pairwise((0, 0.05, 0.1, 0.2, 0.4, 0.7, math.inf)))
