"""Photos to propose regions of."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Eight small photos of noise."""
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(path)
    return paths
