"""The models that come along: small enough to carry, and they find what is in the examples."""

import pytest

from backbone.model_file import read_model_header
from detection import load_detector
from detection.build.model_file import KIND, bundled_of
from detection.inference.models import model_files
from tests.conftest import REPOSITORY

ENSEMBLE = "voc5-ensemble"
LARGEST, ALL_SIX = 15e6, 50e6  # bytes


def test_the_bundled_detectors() -> None:
    assert bundled_of(KIND) == ["voc5", ENSEMBLE]
    files = model_files(ENSEMBLE)
    sizes = [file.stat().st_size for file in files]
    assert len(files) == 6
    assert max(sizes) < LARGEST
    assert sum(sizes) < ALL_SIX


def test_the_members_were_trained_apart() -> None:
    """In how they cut regions, or in their seed."""
    headers = [read_model_header(file) for file in model_files(ENSEMBLE)]
    ways = [(one["config"]["regions"]["context"], one["config"]["training"]["seed"]) for one in headers]
    assert len(set(ways)) == 6
    assert {tuple(one["class_names"]) for one in headers} == {("bus", "car", "cat", "person", "train")}


@pytest.mark.parametrize("name", ["voc5", ENSEMBLE])
def test_the_cat_is_found(name: str) -> None:
    detector = load_detector(name, device="cpu", top=20)
    found = detector.predict(REPOSITORY / "examples" / "cat.jpg", threshold=0.5)
    assert [detector.class_names[label] for label in found.labels] == ["cat"]
