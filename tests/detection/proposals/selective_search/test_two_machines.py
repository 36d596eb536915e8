"""The same bytes whatever the processor can do: machines are imitated by what Numba and OpenCV may use of this one."""

import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

MACHINES = {
    "without vector instructions": {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "OPENCV_CPU_DISABLE": "AVX512_SKX,AVX2,FP16,AVX,SSE4_2,SSE4_1",
        "OPENCV_IPP": "disabled",
    },
    "with one core": {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"},
}
PROGRAM = """
import hashlib
from detection.proposals.selective_search import MODES, SelectiveSearch
from tests.detection.proposals.selective_search.test_engine import scene

boxes = hashlib.sha256()
for seed, (height, width) in enumerate([(90, 120), (61, 83), (150, 97)]):
    image = scene(seed, height, width)
    for mode in MODES:
        for frame in (500, None):
            proposals = SelectiveSearch(mode, width=frame)(image)
            boxes.update(proposals.boxes.tobytes() + proposals.scores.tobytes())
print(boxes.hexdigest())
"""


def boxes_on(machine, folder):
    environment = {**os.environ, **machine, "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return boxes_on({}, tmp_path_factory.mktemp("here"))


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())
def test_boxes_do_not_depend_on_the_machine(machine, here, tmp_path):
    assert boxes_on(machine, tmp_path) == here
