import dataclasses

import numpy as np
import pytest

from detection.report.proposals.sizes import PIXELS, SHARES, Bin
from tests.detection.report.proposals.photos import measured


def test_bins_are_named_after_coco_s_limits():
    assert [each.name for each in PIXELS] == [
        "0 to 16 (COCO small)",
        "16 to 32 (COCO small)",
        "32 to 64 (COCO medium)",
        "64 to 96 (COCO medium)",
        "96 to 192 (COCO large)",
        "192 to 384 (COCO large)",
        "384 and more (COCO large)",
    ]
    assert SHARES[-1].name == "0.7 and more"


@pytest.mark.parametrize("bins", [PIXELS, SHARES])
def test_every_object_is_in_one_bin(tmp_path, bins):
    one = measured(tmp_path)
    assert np.sum([each.holds(one) for each in bins], axis=0).tolist() == [1, 1, 1, 1]


def test_a_bin_begins_at_its_limit_and_ends_before_the_next(tmp_path):
    one = measured(tmp_path)
    one = dataclasses.replace(one, covered=dataclasses.replace(one.covered, areas=np.array([1023.9, 1024, 9215, 9216])))
    assert [Bin(32, 96, "pixels").holds(one).tolist()] == [[False, True, True, False]]
