import logging
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from detection.build.proposers import build_proposer, check_same_proposals, warm_up
from detection.config import ProposalsConfig
from detection.proposals.combine import Union
from detection.proposals.fixed import SlidingGrid
from detection.proposals.precomputed import PrecomputedBoxes
from detection.proposals.selective_search import SelectiveSearch
from detection.proposals.time_limit import TimeLimited


class MultiBox(SlidingGrid):
    """A stand-in that notes how it was loaded."""

    def __init__(self, name, *, top, device):
        super().__init__()
        object.__setattr__(self, "loaded", (name, top, device.type))

    @property
    def settings(self):
        return {"method": "multibox", "version": 1, "loaded": list(self.loaded)}


@pytest.fixture
def multibox(monkeypatch):
    monkeypatch.setitem(sys.modules, "detection.build.multibox", SimpleNamespace(load_multibox=MultiBox))


def test_the_settings_of_a_proposer_are_those_of_its_config() -> None:
    settings = build_proposer(
        ProposalsConfig(mode="single", superpixel_scale=2.0, width=None, min_side=3, seed=4)
    ).settings
    asked = {"mode": "single", "superpixel_scale": 2.0, "width": None, "min_side": 3, "seed": 4}
    assert asked.items() <= settings.items()


@pytest.mark.parametrize("engine", ["selective-search", "selectivesearch-package", "sliding-grid", "multibox"])
def test_an_engine_s_settings_begin_with_its_name(engine: str, multibox: None) -> None:
    assert build_proposer(ProposalsConfig(engine=engine)).settings["method"] == engine


def test_precomputed_boxes_have_the_origin_of_the_config() -> None:
    assert build_proposer(ProposalsConfig(engine="precomputed", origin="edge boxes")) == PrecomputedBoxes("edge boxes")


@pytest.mark.skipif(not hasattr(cv2, "ximgproc"), reason="needs opencv-contrib-python")
def test_opencv_s_modes_have_the_names_that_ours_have() -> None:
    config = ProposalsConfig(engine="opencv", mode="opencv-quality", superpixel_scale=2.0, width=None, seed=4)
    asked = {"mode": "quality", "superpixel_scale": 2.0, "width": None, "seed": 4}
    assert asked.items() <= build_proposer(config).settings.items()


def test_opencv_s_own_mode_is_its_default_and_r_cnn_s_is_refused() -> None:
    assert ProposalsConfig(engine="opencv").mode == "opencv-fast"
    with pytest.raises(
        ValueError, match=r"the engine opencv has no mode rcnn-fast; there are: opencv-fast, opencv-qua"
    ):
        build_proposer(ProposalsConfig(engine="opencv", mode="rcnn-fast"))


def test_multibox_alone_has_the_paper_s_200_boxes(multibox: None) -> None:
    assert build_proposer(ProposalsConfig(engine="multibox")).loaded == ("multibox_voc5", 200, "cpu")
    config = ProposalsConfig(engine="multibox", multibox=50, multibox_model="mine.safetensors")
    assert build_proposer(config).loaded == ("mine.safetensors", 50, "cpu")


def test_multibox_is_added_to_selective_search_and_the_limit_is_the_latter_s(multibox: None) -> None:
    proposer = build_proposer(ProposalsConfig(multibox=200, superpixel_scale=2.0, time_limit=5.0))
    assert isinstance(proposer, Union)
    search, multibox_part = proposer.parts
    assert isinstance(search, TimeLimited)
    assert (search.seconds, search.fallback) == (5, SlidingGrid())
    assert search.settings == build_proposer(ProposalsConfig(superpixel_scale=2.0)).settings
    assert multibox_part.loaded == ("multibox_voc5", 200, "cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"engine": "sliding-grid", "time_limit": 5.0},
            "only the engine selective-search can be stopped, sliding-grid",
        ),
        ({"engine": "precomputed", "multibox": 5}, "cannot be added to precomputed boxes"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_proposer(ProposalsConfig(**options))


def test_a_limit_that_strikes_gives_the_fallback_s_boxes() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    found = build_proposer(ProposalsConfig(time_limit=1e-9))(image)
    assert found.fallback == "sliding-grid"
    assert np.array_equal(found.boxes, SlidingGrid()(image).boxes)


def test_what_compiles_is_warmed_up_wherever_it_stands(multibox: None, monkeypatch: pytest.MonkeyPatch) -> None:
    images = []
    monkeypatch.setattr(SelectiveSearch, "__call__", lambda self, image, *_: images.append(image.shape))
    warm_up(build_proposer(ProposalsConfig(multibox=200)))
    warm_up(build_proposer(ProposalsConfig()))
    warm_up(SlidingGrid())
    assert images == [(48, 64, 3)] * 2


def test_compiling_the_search_costs_no_photo_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines = []
    search = SelectiveSearch.__call__

    def noted(self, image, deadline=None):
        deadlines.append(deadline)
        return search(self, image, deadline)

    monkeypatch.setattr(SelectiveSearch, "__call__", noted)
    build_proposer(ProposalsConfig())
    assert deadlines == []
    build_proposer(ProposalsConfig(time_limit=5.0))
    assert deadlines == [None]


def test_the_same_proposer_is_taken_and_another_is_refused_with_what_differs() -> None:
    proposer = build_proposer(ProposalsConfig())
    check_same_proposals(proposer, dict(proposer.settings), "the model")
    with pytest.raises(
        ValueError, match=r"the model was trained with other proposals \(mode: 'single' there, 'rcnn-fast'"
    ):
        check_same_proposals(proposer, {**proposer.settings, "mode": "single"}, "the model")
    with pytest.raises(ValueError, match=r"\(bins: 25 there, None here\); to use them anyway: --allow-other"):
        check_same_proposals(proposer, {**proposer.settings, "bins": 25}, "the model")


def test_of_a_union_the_part_that_differs_is_told() -> None:
    here, there = (Union((SlidingGrid(), SlidingGrid(overlap=overlap))) for overlap in (0.5, 0.7))
    check_same_proposals(here, here.settings, "the model")
    with pytest.raises(ValueError, match=r"proposals \(parts\.1\.overlap: 0\.7 there, 0\.5 here\)"):
        check_same_proposals(here, there.settings, "the model")


def test_other_proposals_are_taken_with_a_warning_where_that_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    proposer = build_proposer(ProposalsConfig())
    with caplog.at_level(logging.WARNING):
        check_same_proposals(proposer, dict(proposer.settings), "the model", allow_other_proposals=True)
        assert not caplog.records
        check_same_proposals(proposer, SlidingGrid().settings, "the model", allow_other_proposals=True)
    assert "the model was trained with other proposals (method: 'sliding-grid' there" in caplog.text
