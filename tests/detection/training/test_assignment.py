"""The cheapest pairs: against all that there are, and against SciPy."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detection.training.assignment import assign


def cheapest(costs: np.ndarray) -> float:
    """By trying every way."""
    rows, columns = costs.shape
    if rows > columns:
        return cheapest(costs.T)
    ways = itertools.permutations(range(columns), rows)
    return min(sum(costs[row, column] for row, column in enumerate(way)) for way in ways)


shapes = st.tuples(st.integers(0, 4), st.integers(0, 5))


@given(shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.integers(-3, 3).map(float))))
def test_no_other_pairs_cost_less(costs: np.ndarray) -> None:
    rows, columns = assign(costs)
    assert len(rows) == len(columns) == min(costs.shape)
    assert (np.diff(rows) > 0).all()
    assert len(set(columns.tolist())) == len(columns)
    assert costs[rows, columns].sum() == pytest.approx(cheapest(costs))


@pytest.mark.parametrize("shape", [(1, 800), (60, 800), (40, 40), (50, 7)])
def test_it_costs_what_scipys_costs(shape: tuple[int, int]) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    costs = np.random.default_rng(0).normal(size=shape)
    costs[costs > 0] = 0  # many ties, as windows that do not touch an object have
    assert costs[assign(costs)].sum() == pytest.approx(costs[optimize.linear_sum_assignment(costs)].sum())


def test_two_objects_that_want_one_window() -> None:
    """The first has the better second choice, so it gives way."""
    rows, columns = assign(np.array([[-0.9, -0.8, 0.0], [-0.7, -0.1, 0.0]]))
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [1, 0]
