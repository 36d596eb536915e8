"""Table 1's two columns of costs, computed."""

import pytest

from backbone.complexity import TABLE_1_STATED, table_1_costs
from backbone.googlenet import GoogLeNet, GoogLeNetOptions

COMPUTED = {
    # output, weights, multiply-adds in millions
    "conv1": ((64, 112, 112), 9_408, 118.0),
    "conv2": ((192, 56, 56), 114_688, 359.7),
    "3a": ((256, 28, 28), 163_328, 128.0),
    "3b": ((480, 28, 28), 388_096, 304.3),
    "4a": ((512, 14, 14), 375_552, 73.6),
    "4b": ((512, 14, 14), 448_512, 87.9),
    "4c": ((512, 14, 14), 509_440, 99.9),
    "4d": ((528, 14, 14), 604_672, 118.5),
    "4e": ((832, 14, 14), 867_328, 170.0),
    "5a": ((832, 7, 7), 1_042_432, 51.1),
    "5b": ((1024, 7, 7), 1_442_816, 70.7),
    "linear": ((1000,), 1_024_000, 1.0),
}


def test_every_row_of_table_1() -> None:
    costs = table_1_costs(GoogLeNet())
    assert {cost.row: (cost.output, cost.weights, round(cost.multiply_adds / 1e6, 1)) for cost in costs} == COMPUTED
    assert sum(cost.weights for cost in costs) == 6_990_272
    assert sum(cost.multiply_adds for cost in costs) == 1_582_671_872


def test_the_separable_stem_is_the_papers_first_row() -> None:
    """2.7K and 34M, which a plain convolution misses by a factor of 3.5."""
    first = table_1_costs(GoogLeNet(GoogLeNetOptions(stem="separable")))[0]
    assert (first.weights, round(first.multiply_adds / 1e6, 1)) == (2_712, 34.0)
    assert TABLE_1_STATED["conv1"] == ("2.7K", "34M")


@pytest.mark.parametrize("row", ["conv2", "3a", "3b", "4b"])
def test_rows_that_the_paper_counted_as_we_do(row: str) -> None:
    weights, multiply_adds = COMPUTED[row][1:]
    stated = [float(text[:-1]) for text in TABLE_1_STATED[row]]
    assert stated == pytest.approx([weights / 1024, multiply_adds], rel=0.004)


def test_the_stated_rows_are_the_computed_ones() -> None:
    assert list(TABLE_1_STATED) == list(COMPUTED)


def test_costs_follow_the_size_of_the_input() -> None:
    network = GoogLeNet(GoogLeNetOptions(width=0.05, num_classes=0))
    small, large = (table_1_costs(network, size) for size in (112, 224))
    assert 4 * small[0].multiply_adds == large[0].multiply_adds
    assert large[-1].row == "5b"
