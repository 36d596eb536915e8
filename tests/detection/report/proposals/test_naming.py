from dataclasses import replace

import pytest

from detection.proposals.combine import Union
from detection.proposals.fixed import SlidingGrid
from detection.proposals.precomputed import PrecomputedBoxes
from detection.proposals.selective_search import SelectiveSearch
from detection.report.proposals.naming import proposer_name

SEARCH = SelectiveSearch()


class MultiBox(SlidingGrid):
    settings = {"method": "multibox", "version": 1, "model": "some", "top": 200}  # noqa: RUF012


@pytest.mark.parametrize(
    ("method", "proposer", "name"),
    [
        ("selective-search", SEARCH, "selective-search rcnn-fast"),
        ("selective-search", replace(SEARCH, mode="single"), "selective-search single"),
        ("selective-search", replace(SEARCH, superpixel_scale=1.5), "selective-search rcnn-fast x1.5"),
        (
            "selective-search",
            Union((replace(SEARCH, superpixel_scale=2.0), MultiBox())),
            "selective-search rcnn-fast x2 + MultiBox 200",
        ),
        ("grid", SlidingGrid(), "grid"),
        ("grid", Union((SlidingGrid(), MultiBox())), "grid + MultiBox 200"),
        ("multibox", MultiBox(), "multibox 200"),
        ("file", PrecomputedBoxes(None), "file"),
        ("file", PrecomputedBoxes("by hand"), "file (by hand)"),
    ],
)
def test_settings_that_differ_have_names_that_differ(method, proposer, name):
    assert proposer_name(method, proposer.settings) == name
