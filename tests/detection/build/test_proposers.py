import pytest

from detection.build.proposers import build_proposer, check_same_proposals
from detection.config import ProposalsConfig


def test_the_settings_of_a_proposer_are_those_of_its_config() -> None:
    settings = build_proposer(
        ProposalsConfig(mode="single", superpixel_scale=2.0, width=None, min_side=3, seed=4)
    ).settings
    asked = {"mode": "single", "superpixel_scale": 2.0, "width": None, "min_side": 3, "seed": 4}
    assert asked.items() <= settings.items()


def test_engines_have_their_own_settings() -> None:
    methods = {
        build_proposer(ProposalsConfig(engine=engine)).settings["method"]
        for engine in ("selective-search", "selectivesearch-package")
    }
    assert len(methods) == 2


def test_the_same_proposer_is_taken_and_another_is_refused_with_what_differs() -> None:
    proposer = build_proposer(ProposalsConfig())
    check_same_proposals(proposer, dict(proposer.settings), "the model")
    with pytest.raises(
        ValueError, match=r"the model was trained with other proposals \(mode: 'single' there, 'rcnn-fast'"
    ):
        check_same_proposals(proposer, {**proposer.settings, "mode": "single"}, "the model")
    with pytest.raises(ValueError, match=r"\(bins: 25 there, None here\)"):
        check_same_proposals(proposer, {**proposer.settings, "bins": 25}, "the model")
