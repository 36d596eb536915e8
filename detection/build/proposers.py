"""Proposers from a config, and from the settings that a model file or a store remembers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from detection.config import ProposalsConfig
from detection.proposals.base import JSON, Proposer
from detection.proposals.fixed import SlidingGrid
from detection.proposals.time_limit import TimeLimited
from detection.runtime import keep_freed_memory

MULTIBOX_TOP = 200  # paper, section 8
OPENCV_MODES = {"opencv-fast": "fast", "opencv-quality": "quality", "single": "single"}

logger = logging.getLogger(__name__)


def build_proposer(config: ProposalsConfig) -> Proposer:
    """The proposer of a config's ``proposals`` section; raises ``ValueError`` for keys that do not go together.

    From then on the process keeps the memory that it frees: proposers and networks ask for as much again at the next
    photo.
    """
    keep_freed_memory()
    engine = _engine(config)
    if config.time_limit is not None:
        engine = _limited(engine, config.time_limit)
    if config.multibox is None or config.engine == "multibox":
        return engine
    if config.engine == "precomputed":
        raise ValueError("proposals.multibox: MultiBox looks at photos, and cannot be added to precomputed boxes")
    from detection.proposals.combine import Union

    return Union((engine, _multibox(config)), config.union_overlap)


def _engine(config: ProposalsConfig) -> Proposer:
    """Each engine is imported where it is asked for."""
    if config.engine == "sliding-grid":
        return SlidingGrid()
    if config.engine == "multibox":
        return _multibox(config)
    if config.engine == "precomputed":
        from detection.proposals.precomputed import PrecomputedBoxes

        return PrecomputedBoxes(config.origin)
    scale, width, min_side, seed = config.superpixel_scale, config.width, config.min_side, config.seed
    if config.engine == "opencv":
        from detection.proposals.opencv import OpenCVSelectiveSearch

        return OpenCVSelectiveSearch(_opencv_mode(config.mode), scale, width, min_side, seed)
    if config.engine == "selectivesearch-package":
        from detection.proposals.selectivesearch_package import SelectiveSearchPackage

        return SelectiveSearchPackage(superpixel_scale=scale, width=width, min_side=min_side, seed=seed)
    from detection.proposals.selective_search.engine import SelectiveSearch

    return SelectiveSearch(config.mode, scale, width, min_side, seed)


def _opencv_mode(mode: str) -> str:
    if mode not in OPENCV_MODES:
        raise ValueError(f"proposals.mode: the engine opencv has no mode {mode}; there are: {', '.join(OPENCV_MODES)}")
    return OPENCV_MODES[mode]


def _limited(engine: Proposer, seconds: float) -> Proposer:
    from detection.proposals.selective_search.engine import SelectiveSearch

    if not isinstance(engine, SelectiveSearch):
        method = engine.settings["method"]
        raise ValueError(f"proposals.time_limit: only the engine selective-search can be stopped, {method} cannot")
    warm_up(engine)
    return TimeLimited(engine, seconds, SlidingGrid())


def warm_up(proposer: Proposer) -> None:
    """Compile what is compiled at the first image, where that was never done: no photo shall pay for that."""
    from detection.proposals.combine import Union
    from detection.proposals.selective_search.engine import SelectiveSearch

    if isinstance(proposer, Union):
        for part in proposer.parts:
            warm_up(part)
    elif isinstance(proposer, SelectiveSearch):
        noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        replace(proposer, width=None)(noise)


def _multibox(config: ProposalsConfig) -> Proposer:
    """MultiBox on the CPU: where the boxes are made must not change them."""
    from detection.build.multibox import load_multibox

    return load_multibox(config.multibox_model, top=config.multibox or MULTIBOX_TOP, device=torch.device("cpu"))


def check_same_proposals(
    proposer: Proposer, settings: Mapping[str, JSON], where: str, *, allow_other_proposals: bool = False
) -> None:
    """Refuse a proposer that is not the one a detector was trained with, or warn of it where it is allowed.

    SPP-net lost 3.5 points of mAP by mixing proposers between training and test (arXiv 1406.4729, section 4).
    """
    there, here = dict(_flat(settings)), dict(_flat(proposer.settings))
    differing = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    if not differing:
        return
    listed = ", ".join(f"{key}: {there.get(key)!r} there, {here.get(key)!r} here" for key in differing)
    message = f"{where} was trained with other proposals ({listed})"
    if not allow_other_proposals:
        raise ValueError(
            f"{message}; to use them anyway: --allow-other-proposals, in Python allow_other_proposals=True"
        )
    logger.warning("%s: expect less than was measured", message)


def _flat(settings: JSON | Mapping[str, JSON], name: str = "") -> Iterator[tuple[str, JSON]]:
    """Settings with those of a union's parts beside them: ``parts.0.mode``."""
    if isinstance(settings, (Mapping, list)):
        inner = settings.items() if isinstance(settings, Mapping) else enumerate(settings)
        for key, value in inner:
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, settings
