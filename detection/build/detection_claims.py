"""What the paper says of its detector (section 8), each statement beside what is so of the one that comes along."""

from __future__ import annotations

from collections.abc import Sequence

from backbone.classification.claim import HOLDS, NEEDS_ILSVRC, Claim, compared
from backbone.model_file import read_model_header
from detection.config import Config
from detection.config_file import stored_config
from detection.evaluation.paper_tables import Measurement
from detection.inference.models import BUNDLED, model_files
from detection.report.proposals.claims import CLOSE

ENSEMBLE = f"{BUNDLED}-ensemble"
ALONE = f"one of {ENSEMBLE}'s six, on the mean"  # the best of six is the best by luck too
PLAIN, BOTH = "selective search", "superpixels x2 + MultiBox"  # names of measurements
CARD = "detection/models/voc5.md"
LADDER = "tools/propose.py --ladder"


def detection_claims(figures: Sequence[Measurement]) -> list[Claim]:
    """All of them in the paper's order; ``figures`` are what was measured, by the names above."""
    (file,) = model_files(BUNDLED)
    config = stored_config(read_model_header(file)["config"], file)
    return [*proposal_claims(config, figures), *network_claims(config), *accuracy_claims(figures)]


def proposal_claims(config: Config, figures: Sequence[Measurement]) -> list[Claim]:
    """Regions: superpixels doubled, MultiBox added."""
    proposals, where = config.proposals, "configs/voc5.yaml"
    return [
        compared("8", "superpixels of selective search", "x 2", f"x {proposals.superpixel_scale:g}", where),
        _share("boxes that this leaves", "half", 50, _found(figures, PLAIN, "boxes left by x2"), LADDER),
        compared("8", "boxes of MultiBox added", "200", str(proposals.multibox), where),
        _share("boxes in all, of R-CNN's", "about 60%", 60, _found(figures, BOTH, "boxes of R-CNN's"), LADDER),
        _rise(
            "coverage",
            "92 to 93%",
            [_found(figures, name, "coverage at IoU 0.5") for name in (PLAIN, BOTH)],
            LADDER,
        ),
        Claim("8", "what one model gains by it", "+1% mAP", "-", NEEDS_ILSVRC, "tools/finetune.py"),
    ]


def network_claims(config: Config) -> list[Claim]:
    """What looks at a region, and what it leaves out."""
    regression = config.detection.box_regression
    context = f"{config.detection.context:g} of its evidence" if config.detection.context else "none"
    return [
        Claim(
            "8",
            "a region is classified by",
            "the Inception network",
            "GoogLeNet, K + 1 classes",
            HOLDS,
            "detection/heads/region_classifier.py",
        ),
        Claim("8", "trained before on", "ImageNet 1k", f"ImageNet 1k ({config.backbone.weights})", HOLDS, CARD),
        Claim(
            "8",
            "box regression",
            "none, due to lack of time",
            regression,
            HOLDS if regression == "none" else "deviates: on; --set box_regression=none is the paper's",
            "detection/heads/",
        ),
        compared("8", "contextual model", "none", context, "tools/refine.py"),
        compared("8", "networks averaged on each region", "6", str(len(model_files(ENSEMBLE))), CARD),
    ]


def accuracy_claims(figures: Sequence[Measurement]) -> list[Claim]:
    """Tables 4 and 5: on ILSVRC they need its photos; whether averaging helps shows elsewhere, too."""
    alone, averaged = (
        next((one for one in figures if one.name == name and one.protocol == "voc07" and one.box_regression), None)
        for name in (ALONE, ENSEMBLE)
    )
    return [
        Claim("8", "mAP of one model", "38.02", "-", NEEDS_ILSVRC, "configs/ilsvrc.yaml"),
        _rise(
            "mAP of one model (mean of six alone), of six averaged",
            "40 to 43.9%",
            [alone, averaged],
            f"detection/models/{ENSEMBLE}.md",
        ),
    ]


def _found(figures: Sequence[Measurement], name: str, figure: str) -> Measurement | None:
    return next((one for one in figures if (one.name, one.figure) == (name, figure)), None)


def _share(claim: str, paper: str, percent: float, measured: Measurement | None, where: str) -> Claim:
    """A share of boxes, which agrees with the paper's within 5 points."""
    if measured is None:
        return Claim("8", claim, paper, "-", "not measured", where)
    near = abs(measured.value - percent) <= 100 * CLOSE
    here = f"{measured.value:g}% ({measured.data})"
    return Claim("8", claim, paper, here, HOLDS if near else f"deviates: {measured.value:g}%", where)


def _rise(claim: str, paper: str, pair: Sequence[Measurement | None], where: str) -> Claim:
    """Two figures, of which the second is the higher in the paper."""
    before, after = pair
    if before is None or after is None:
        return Claim("8", claim, paper, "-", "not measured", where)
    here = f"{before.value:.1f} to {after.value:.1f}% ({after.data})"
    rises = after.value > before.value
    return Claim("8", claim, paper, here, "rises, too" if rises else "deviates: it does not rise", where)
