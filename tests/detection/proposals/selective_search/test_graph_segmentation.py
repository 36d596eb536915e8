"""Our superpixels of one scale are those of OpenCV's GraphSegmentation, which is in its contrib modules alone."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.proposals.selective_search.segmentation import segment
from detection.proposals.selective_search.smoothing import smooth
from tests.detection.proposals.selective_search.test_engine import scene

SCALES = ((300, 100), (40, 5), (3, 1))


@pytest.fixture(scope="module")
def contrib_python():
    python = os.environ.get("GOOGLENET_RCNN_CONTRIB_PYTHON", sys.executable if hasattr(cv2, "ximgproc") else None)
    if python is None:
        pytest.skip("OpenCV here has no ximgproc (set GOOGLENET_RCNN_CONTRIB_PYTHON to an interpreter that has it)")
    return python


def images():
    random = np.random.default_rng(0)
    yield from (scene(seed) for seed in range(6))
    for height, width in [(1, 40), (40, 1), (2, 2), *random.integers(2, 60, (12, 2)).tolist()]:
        yield random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        yield random.integers(0, 3, (height, width, 3), dtype=np.uint8) * np.uint8(40)


def by_first_appearance(labels):
    """The same labelling with labels numbered as they appear."""
    numbers = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels.ravel().tolist()]


def test_superpixels_are_those_of_graph_segmentation(contrib_python, tmp_path):
    pictures = list(images())
    np.savez(tmp_path / "images.npz", **{str(number): image for number, image in enumerate(pictures)})
    program = Path(__file__).with_name("contrib_segmentation.py")
    scales = [f"{k},{min_size}" for k, min_size in SCALES]
    command = [contrib_python, program, tmp_path / "images.npz", tmp_path / "labels.npz", *scales]
    subprocess.run(command, check=True)
    theirs = np.load(tmp_path / "labels.npz")
    for number, image in enumerate(pictures):
        planes = smooth(np.ascontiguousarray(np.moveaxis(image, 2, 0)), 0.8)
        for scale, name in zip(SCALES, scales, strict=True):
            ours = segment(planes, [scale])
            labels = ours.of_atom[0][ours.atoms]
            assert by_first_appearance(labels) == by_first_appearance(theirs[f"{number} {name}"]), (number, scale)
