import importlib.metadata
import sys

import numpy as np
import pytest

from detection.proposals.selectivesearch_package import SelectiveSearchPackage
from tests.contracts import assert_is_proposer


def test_the_package_is_a_proposer():
    assert_is_proposer(SelectiveSearchPackage(width=40))


def test_a_drawn_object_is_found_to_its_last_pixel():
    image = np.full((60, 80, 3), 90, np.uint8)
    image[20:45, 15:50] = 220, 30, 30
    boxes = SelectiveSearchPackage(width=None)(image).boxes
    assert np.abs(boxes - [15, 20, 50, 45]).max(axis=1).min() <= 1
    assert [0, 0, 80, 60] in boxes.tolist()


def test_larger_superpixels_give_fewer_boxes():
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    fine, coarse = (SelectiveSearchPackage(superpixel_scale=scale, width=None, min_side=0) for scale in (0.5, 2))
    assert len(coarse(image)) < len(fine(image))


def test_settings_say_which_release_it_is():
    settings = SelectiveSearchPackage().settings
    assert settings["method"] == "selectivesearch-package"
    assert settings["version"] == importlib.metadata.version("selectivesearch")


def test_without_the_package_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "selectivesearch", None)
    with pytest.raises(ModuleNotFoundError, match="pip install selectivesearch"):
        SelectiveSearchPackage()
