"""Margins become scores."""

import torch

from detection.heads.svm import SvmScorer


def test_scores_keep_the_order_of_the_margins_and_lie_between_0_and_1() -> None:
    scorer = SvmScorer(2, 3)
    scorer.slope.copy_(torch.tensor([2.0, 0.5]))
    scorer.shift.copy_(torch.tensor([1.0, -1.0]))
    scorer.scale.fill_(4.0)
    features = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    margins, scores = scorer.margins(features), scorer(features)
    assert torch.allclose(margins, scorer.linear(4 * features))
    assert torch.equal(scores.argsort(dim=0), margins.argsort(dim=0))
    assert ((scores > 0) & (scores < 1)).all()
    assert torch.allclose(scores[:, 1], torch.sigmoid(margins[:, 1] / 2 - 1))
