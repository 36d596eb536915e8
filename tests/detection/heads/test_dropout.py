import pytest
import torch

from detection.heads.dropout import BatchDropout


@pytest.mark.parametrize("cuts", [[8], [3, 5], [1, 1, 6]])
def test_parts_of_a_batch_drop_what_the_whole_drops(cuts: list[int]) -> None:
    batch = torch.arange(1.0, 8 * 50 + 1).view(8, 50)
    dropout = BatchDropout(0.4)
    torch.manual_seed(5)
    whole = dropout(batch)
    found, first = [], 0
    for size in cuts:
        torch.manual_seed(5)
        dropout.place(first, 8)
        found.append(dropout(batch[first : first + size]))
        first += size
    assert torch.equal(torch.cat(found), whole)
    assert (whole == 0).float().mean() == pytest.approx(0.4, abs=0.1)


def test_nothing_is_dropped_in_evaluation() -> None:
    dropout = BatchDropout(0.4).eval()
    dropout.place(3, 7)
    assert torch.equal(dropout(torch.ones(2, 5)), torch.ones(2, 5))
