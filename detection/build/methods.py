"""The ways of proposing, by the names and options of ``tools/propose.py``, as configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from detection.build.proposers import MULTIBOX_TOP
from detection.config import Engine, ProposalsConfig

Options = Mapping[str, int | float | str | None]  # by their keys in ProposalsConfig; None: not given


class Method(NamedTuple):
    """An engine, and which options make a difference to it."""

    engine: Engine
    options: tuple[str, ...]


METHODS = {
    "selective-search": Method(
        "selective-search", ("mode", "superpixel_scale", "time_limit", "multibox", "multibox_model")
    ),
    "package": Method("selectivesearch-package", ("superpixel_scale", "multibox", "multibox_model")),
    "opencv": Method("opencv", ("mode", "superpixel_scale", "multibox", "multibox_model")),
    "grid": Method("sliding-grid", ("multibox", "multibox_model")),
    "multibox": Method("multibox", ("multibox", "multibox_model")),
    "file": Method("precomputed", ("origin",)),
}


def method_config(method: str, options: Options) -> ProposalsConfig:
    """The config of a method; raises ``ValueError`` for an option that makes no difference to it, or a bad value."""
    if method not in METHODS:
        raise ValueError(f"--method {method}: there is no such method; choose {', '.join(METHODS)}")
    engine, known = METHODS[method]
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            takers = ", ".join(other for other, (_, names) in METHODS.items() if name in names)
            raise ValueError(f"{_option(name, value)}: --method {method} does not know it; those that do: {takers}")
    try:
        return ProposalsConfig.model_validate({"engine": engine, **given})
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        message = problem["msg"][0].lower() + problem["msg"][1:]
        raise ValueError(f"{_option(name, given[name])}: {message}") from None


def ladder_configs(method: str, options: Options) -> dict[str, ProposalsConfig]:
    """The steps of the paper's section 8: superpixels as they are, twice as large, and those with MultiBox; then the
    last again without boxes that nearly are others.

    ``multibox``: how many boxes MultiBox adds; 0 leaves it out. Raises ``ValueError`` as :func:`method_config`
    does, and where ``superpixel_scale`` is given.
    """
    if options.get("superpixel_scale") is not None:
        raise ValueError(f"--superpixel-scale {options['superpixel_scale']}: --ladder measures 1 and 2")
    top = options.get("multibox")
    steps: dict[str, Options] = {"x1": {"superpixel_scale": 1.0}, "x2": {"superpixel_scale": 2.0}}
    if top != 0:
        both = {"superpixel_scale": 2.0, "multibox": MULTIBOX_TOP if top is None else top}
        steps |= {"x2 + MultiBox": both, "x2 + MultiBox, thinned": both}
    rest = {name: value for name, value in options.items() if name != "multibox"}
    configs = {name: method_config(method, {**rest, **step}) for name, step in steps.items()}
    if top != 0:
        configs["x2 + MultiBox"] = configs["x2 + MultiBox"].model_copy(update={"union_overlap": None})
    return configs


def _option(name: str, value: object) -> str:
    return (
        f"--{name.replace('_', '-')} {value:g}" if isinstance(value, float) else f"--{name.replace('_', '-')} {value}"
    )
