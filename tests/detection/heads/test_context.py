"""Evidence moves scores."""

import torch

from detection.heads.context import PhotoContext, with_evidence

SCORES = torch.tensor([[0.0, 0.1], [0.5, 0.9], [1.0, 0.3]])


def test_evidence_is_added_to_the_log_odds() -> None:
    evidence = torch.tensor([1.0, -2.0])
    moved = with_evidence(SCORES, evidence)
    assert torch.allclose(moved, torch.sigmoid(torch.logit(SCORES) + evidence))
    assert torch.equal(moved.argsort(dim=0), SCORES.argsort(dim=0))


def test_no_evidence_changes_nothing() -> None:
    assert torch.allclose(with_evidence(SCORES, torch.zeros(2)), SCORES)
    assert with_evidence(SCORES[:0], torch.ones(2)).shape == (0, 2)


def test_a_photo_speaks_by_its_scaled_features() -> None:
    context = PhotoContext(2, 3)
    context.scale.fill_(2.0)
    features = torch.rand(1, 3)
    assert torch.allclose(context(features), context.linear(2 * features))
