"""Fixtures that the whole suite shares."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

# The first call of a compiled function takes seconds: no time limit for one example.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The optional folder of real photos, weights and golden numbers; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("GOOGLENET_RCNN_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set GOOGLENET_RCNN_SHARED)")
    return folder


@pytest.fixture(scope="module")
def short_rankers() -> Iterator[None]:
    """Rankers are trained for their epochs and no longer: a hundred steps of each would take minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("detection.training.ranking.LEAST_STEPS", 1)
        yield


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Take off the handlers that a tool put on: they write to a stream that is closed when its test ends."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in list(root.handlers):
        if not type(handler).__module__.startswith("_pytest"):
            root.removeHandler(handler)
