"""Proposers from a config, and from the settings that a model file or a store remembers."""

from __future__ import annotations

from collections.abc import Mapping

from detection.config import ProposalsConfig
from detection.proposals.base import JSON, Proposer


def build_proposer(config: ProposalsConfig) -> Proposer:
    """The proposer of a config's ``proposals`` section."""
    if config.engine == "selectivesearch-package":
        from detection.proposals.selectivesearch_package import SelectiveSearchPackage

        return SelectiveSearchPackage(
            superpixel_scale=config.superpixel_scale, width=config.width, min_side=config.min_side, seed=config.seed
        )
    from detection.proposals.selective_search.engine import SelectiveSearch

    return SelectiveSearch(
        mode=config.mode,
        superpixel_scale=config.superpixel_scale,
        width=config.width,
        min_side=config.min_side,
        seed=config.seed,
    )


def check_same_proposals(proposer: Proposer, settings: Mapping[str, JSON], where: str) -> None:
    """Refuse a proposer that is not the one a detector was trained with.

    SPP-net lost 3.5 points of mAP by mixing proposers between training and test (arXiv 1406.4729, section 4).
    """
    differing = [key for key in {**settings, **proposer.settings} if settings.get(key) != proposer.settings.get(key)]
    if differing:
        here = proposer.settings
        listed = ", ".join(f"{key}: {settings.get(key)!r} there, {here.get(key)!r} here" for key in differing)
        raise ValueError(f"{where} was trained with other proposals ({listed})")
