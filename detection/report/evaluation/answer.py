"""The analysis of what a question found: everything beyond the figures themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from detection.evaluation.analysis import Analysis, Extras, analyse
from detection.evaluation.tables import DetectionTable, Floats
from detection.images import ImageError, image_size
from detection.report.question import Question


def analysed(
    question: Question,
    protocols: Sequence[str],
    found: DetectionTable,
    *,
    proposals: Mapping[int, Floats] | None = None,
    rival: DetectionTable | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> Analysis:
    """The analysis under the first protocol, explained against the others.

    ``proposals`` as :func:`detection.report.evaluation.reach.stored_proposals` has them; ``rival`` is another result,
    and ``names`` what the two are called, the rival first.
    """
    first, *others = (question.judge(protocol, found) for protocol in protocols)
    other = None if rival is None else question.judge(protocols[0], rival)
    extras = Extras(image_sizes(question), proposals, others, other, names)
    return analyse(first, len(question.images), extras)


def image_sizes(question: Question) -> Floats:
    """Width and height of every image, (I, 2); ``nan`` where its photo cannot be read."""
    sizes = np.full((len(question.images), 2), np.nan)
    for place, index in enumerate(question.images):
        try:
            sizes[place] = image_size(question.dataset.path(index))
        except (OSError, ImageError):
            continue
    return sizes
