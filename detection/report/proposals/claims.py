"""What section 8 of the paper says of proposals, beside what is measured: a verdict in words for each claim.

The paper doubles the superpixels of R-CNN's selective search, which halves the boxes, adds 200 boxes of MultiBox, and
comes to "about 60%" of R-CNN's boxes while coverage rises from 92% to 93%.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from detection.report.proposals.measure import Measured

RCNN_BOXES = 2403  # mean of ILSVRC 2013 val at width 500 (R-CNN, section 4.2)
RCNN_RECALL = 0.916  # of the same, at 0.5
MULTIBOX_BOXES = 200
CLOSE = 0.05  # a share of boxes this near to the paper's agrees with it

NOTES = (
    'Published for ILSVRC 2014; on other photos other numbers are to be expected. "agrees": within 5 points.',
    "The paper does not state the overlap of its coverage: R-CNN's 91.6% is at 0.5.",
    "Nor which parameter the superpixel size is: here k and the minimum size, both doubled.",
    "Nor at which size photos are segmented: here at R-CNN's width of 500.",
    "Nor what its MultiBox was trained on.",
)


@dataclass(frozen=True)
class Claim:
    """A line of the paper, what is measured, and what to make of it."""

    claim: str
    paper: str
    measured: str
    verdict: str


def claims(plain: Measured, doubled: Measured, both: Measured | None = None) -> tuple[Claim, ...]:
    """The claims, for superpixels as they are, doubled, and doubled with MultiBox, which may be missing."""
    return _halved(plain, doubled), _added(doubled, both), _budget(plain, both), _coverage(plain, doubled, both)


def _halved(plain: Measured, doubled: Measured) -> Claim:
    before, after = plain.covered.per_image, doubled.covered.per_image
    share = after / before if before else math.nan
    measured = f"{before:,.0f} to {after:,.0f}, {share:.0%} left"
    return Claim("superpixels x2: boxes a photo", "halved", measured, _near(share, 0.5, "of the boxes are left"))


def _added(doubled: Measured, both: Measured | None) -> Claim:
    claim, paper = "MultiBox: boxes a photo added", str(MULTIBOX_BOXES)
    if both is None:
        return Claim(claim, paper, "-", "not measured: without MultiBox")
    added = both.covered.per_image - doubled.covered.per_image
    verdict = "agrees" if abs(added / MULTIBOX_BOXES - 1) <= CLOSE else "differs: boxes that are there twice count once"
    return Claim(claim, paper, f"{added:,.1f}".removesuffix(".0"), verdict)


def _budget(plain: Measured, both: Measured | None) -> Claim:
    claim, paper = "boxes a photo, in all", f"about 60% of R-CNN's {RCNN_BOXES:,}"
    if both is None:
        return Claim(claim, paper, "-", "not measured: without MultiBox")
    boxes = both.covered.per_image
    own = boxes / plain.covered.per_image if plain.covered.per_image else math.nan
    measured = f"{boxes:,.0f}: {boxes / RCNN_BOXES:.0%} of {RCNN_BOXES:,}, {own:.0%} of ours with x1"
    return Claim(claim, paper, measured, _near(boxes / RCNN_BOXES, 0.6, "of R-CNN's boxes"))


def _coverage(plain: Measured, doubled: Measured, both: Measured | None) -> Claim:
    claim, paper = "coverage", "92% to 93%, with MultiBox"
    if not len(plain.covered):
        return Claim(claim, paper, "-", "not measured: no annotated objects")
    last = both or doubled
    steps = [(one.covered.recall(0.5), one.covered.recall(0.7)) for one in (plain, last)]
    measured = ", ".join(f"{a:.1%} to {b:.1%} at {at}" for a, b, at in zip(*steps, (0.5, 0.7), strict=True))
    change = (steps[1][0] - steps[0][0]) * 100
    if both is None:
        return Claim(claim, paper, measured, f"not comparable: without MultiBox ({change:+z.1f} points at 0.5)")
    if steps[0][0] == steps[1][0] == 1:
        return Claim(claim, paper, measured, "cannot rise: 100% already without")
    verdict = "rises, as in the paper" if change > 0 else "does not rise, unlike in the paper"
    return Claim(claim, paper, measured, f"{verdict} ({change:+z.1f} points at 0.5)")


def _near(share: float, published: float, of_what: str) -> str:
    if math.isnan(share):
        return "not measured: no boxes"
    return "agrees" if abs(share - published) <= CLOSE else f"differs: {share:.0%} {of_what}, not {published:.0%}"
