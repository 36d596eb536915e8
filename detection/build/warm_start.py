"""Where fine-tuning starts: a classifier of images, or a detector, of which what it knows of the same classes is kept.

Classes are the same if their names are, letter by letter; a WordNet id of ILSVRC's 200 classes counts as its English
name. A detector's convolutions are taken whole, and of its heads the background's row and those of the same classes.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backbone.hub import Progress
from backbone.model_file import read_model_header
from backbone.weights import Backbone, load_backbone
from detection.build.model_file import read_detector
from detection.datasets.ilsvrc import det_200
from detection.heads.region_classifier import BoxRegressor, RegionHeads
from detection.inference.models import SUFFIX, model_file

logger = logging.getLogger(__name__)

NEAR = 0.8  # similarity of two names (difflib) from which on they may be one name, misspelt


@dataclass(frozen=True)
class ClassTable:
    """Which of the classes to learn a detector knows already, by their names.

    ``rows`` are the labels of the loaded ones, (known, wanted); ``alike`` are new and dropped classes whose names are
    nearly the same.
    """

    loaded: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]
    rows: tuple[tuple[int, int], ...]
    alike: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Start:
    """What a file gives to begin with: convolutions, and of a detector its heads with the classes that they know."""

    backbone: Backbone
    name: str
    heads: RegionHeads | None = None
    class_names: tuple[str, ...] = ()

    def tell(self, wanted: Sequence[str]) -> None:
        """Log what a detector knows of the ``wanted`` classes, and a warning of names that may mean the same."""
        if self.heads is None:
            return
        table = compare_classes(self.class_names, wanted)
        logger.info("starting from the detector %s: its convolutions and, by their names, its classes", self.name)
        for what, names in (("loaded", table.loaded), ("new", table.new), ("dropped", table.dropped)):
            if names:
                logger.info("  %-7s %3d  %s", what, len(names), ", ".join(names))
        for name, other in table.alike:
            logger.warning("class %r is new; the model knows %r: if they are the same, give them one name", name, other)

    def teach(self, heads: RegionHeads, wanted: Sequence[str]) -> None:
        """Give new heads for the ``wanted`` classes what a detector knows of them."""
        if self.heads is None:
            return
        boxes = keep_known(heads, self.heads, compare_classes(self.class_names, wanted).rows)
        if heads.box_regressor is not None and not boxes:
            logger.info("%s regresses no boxes, or those of crops of another size: box regression is new", self.name)


def load_start(weights: str, progress: Progress | None = None) -> Start:
    """Load a detector, by its file or the name of a bundled one, or whatever ``load_backbone`` takes."""
    path = model_file(weights)
    if path is None or path.suffix != SUFFIX or read_model_header(path)["kind"] != "detector":
        return Start(load_backbone(weights, progress), weights)
    model = read_detector(path)
    backbone = Backbone(model.network, model.preprocessing, None)
    return Start(backbone, path.name, model.classifier.heads, model.class_names)


def compare_classes(known: Sequence[str], wanted: Sequence[str]) -> ClassTable:
    """The table of the classes that a detector knows and of those that it is to learn."""
    labels = {_in_english(name): label for label, name in enumerate(known)}
    rows = {label: labels[_in_english(name)] for label, name in enumerate(wanted) if _in_english(name) in labels}
    new = tuple(name for label, name in enumerate(wanted) if label not in rows)
    dropped = tuple(name for label, name in enumerate(known) if label not in rows.values())
    near = ((name, _nearest(name, dropped)) for name in new)
    return ClassTable(
        tuple(wanted[label] for label in rows),
        new,
        dropped,
        tuple((old, label) for label, old in rows.items()),
        tuple((name, other) for name, other in near if other is not None),
    )


def keep_known(heads: RegionHeads, start: RegionHeads, rows: Sequence[tuple[int, int]]) -> bool:
    """Give ``heads`` what those of ``start`` know: the background, and of ``rows`` the classes, (known, wanted).

    Whether box regression was kept as well: not where either has none, or crops are of another size.
    """
    columns = [(0, 0), *((old + 1, label + 1) for old, label in rows)]
    _copy_rows(heads.linear.weight, start.linear.weight, columns)
    _copy_rows(heads.linear.bias, start.linear.bias, columns)
    ours, theirs = heads.box_regressor, start.box_regressor
    if not (isinstance(ours, BoxRegressor) and isinstance(theirs, BoxRegressor) and ours.cells == theirs.cells):
        return False
    ours.reduce.load_state_dict(theirs.reduce.state_dict())
    sides = [(4 * old + side, 4 * label + side) for old, label in rows for side in range(4)]
    _copy_rows(ours.linear.weight, theirs.linear.weight, sides)
    _copy_rows(ours.linear.bias, theirs.linear.bias, sides)
    return True


@torch.no_grad()
def _copy_rows(ours: Tensor, theirs: Tensor, rows: Sequence[tuple[int, int]]) -> None:
    for old, label in rows:
        ours[label] = theirs[old]


def _in_english(name: str) -> str:
    return det_200().get(name, name)


def _nearest(name: str, others: Sequence[str]) -> str | None:
    """The other name that is nearest to a name, if it is near; case, spaces and signs do not count."""
    plain = {_letters(_in_english(other)): other for other in others}
    near = difflib.get_close_matches(_letters(_in_english(name)), plain, n=1, cutoff=NEAR)
    return plain[near[0]] if near else None


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
