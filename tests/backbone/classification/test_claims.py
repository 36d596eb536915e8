"""The statements of sections 5 to 7: each has a verdict, and the verdict can be another."""

import re
from pathlib import Path

import pytest

from backbone.classification import claims, network_claims
from backbone.classification.claim import Claim
from backbone.classification.claims import classification_claims
from backbone.classification.recipe import Recipe
from backbone.lrn import LocalResponseNorm

ROOT = Path(__file__).resolve().parents[3]
ERRORS: claims.Top5Errors = {
    (1, 1, "mean"): 12.0,
    (1, 10, "mean"): 11.0,
    (1, 144, "mean"): 9.0,
    (1, 144, "max"): 9.0,
}


@pytest.fixture(scope="module")
def stated() -> list[Claim]:
    return classification_claims(ERRORS, "100 photos")


def test_every_statement_has_a_verdict_and_a_place(stated: list[Claim]) -> None:
    assert len(stated) > 30
    for claim in stated:
        assert re.match(r"(holds|deviates: |not stated: |not measured|does not show)", claim.verdict), claim
        assert all(claim), claim
        assert (ROOT / claim.where.split()[0]).is_file(), claim


def test_what_the_paper_says_holds_but_for_what_is_named(stated: list[Claim]) -> None:
    assert {claim.claim for claim in stated if claim.verdict.startswith("deviates")} == {
        "multiply-adds, billions",
        "stochastic gradient descent",
    }


def test_errors_are_judged_by_their_order(stated: list[Claim]) -> None:
    by_name = {claim.claim: claim for claim in stated}
    crops = by_name["top-5 error of 1, 10, 144 crops falls"]
    assert (crops.here, crops.verdict) == ("12.00, 11.00, 9.00 (100 photos)", "holds on these photos")
    assert by_name["and from the highest over 144 crops to their mean"].verdict == "does not show on these photos"
    assert by_name["top-5 error of 1, 7 models falls"].verdict == "not measured"


def test_another_recipe_or_network_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def verdicts(made: list[Claim]) -> dict[str, str]:
        return {claim.claim: claim.verdict for claim in made}

    monkeypatch.setattr(claims, "Recipe", lambda: Recipe(decay=0.9, momentum=0.8))
    assert verdicts(claims.training_claims())["momentum"] == "deviates: 0.8"
    assert verdicts(claims.training_claims())["the learning rate falls"] == "deviates: 10% every 8 epochs"
    monkeypatch.setattr(claims, "draw_patch", lambda width, height, random: (0, 0, width, height // 2))
    assert verdicts(claims.sampling_claims())["their aspect"] == "deviates: 2.00 to 2.00"
    monkeypatch.setattr("backbone.layers.F.relu", lambda x, inplace: x)
    monkeypatch.setattr(LocalResponseNorm, "forward", lambda self, x: x)
    assert verdicts(network_claims.network_claims())["rectified convolutions"].startswith("deviates: ")
