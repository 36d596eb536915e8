"""The best assignment of objects to windows, one to one and exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def assign(costs: NDArray[np.float64]) -> tuple[Indices, Indices]:
    """Pairs of rows and columns of ``costs`` (G, R), as many as the fewer of them, whose sum is the least.

    No row and no column is in two pairs; rows come in order. Rows are added one by one, each along the shortest
    augmenting path (Jonker and Volgenant, Computing 38, 1987): quick where most rows want a column of their own.
    """
    rows, columns = costs.shape
    if rows > columns:
        of_columns, of_rows = assign(costs.T)
        order = np.argsort(of_rows)
        return of_rows[order], of_columns[order]
    row_prices, column_prices = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for row in range(rows):
        _add(row, costs, row_prices, column_prices, owner)
    owned = np.flatnonzero(owner >= 0)
    return np.arange(rows), owned[np.argsort(owner[owned])]


def _add(
    row: int,
    costs: NDArray[np.float64],
    row_prices: NDArray[np.float64],
    column_prices: NDArray[np.float64],
    owner: Indices,
) -> None:
    """Give one more row a column, and others new ones where that is cheaper; prices and ``owner`` change in place."""
    lengths = np.full(len(owner), np.inf)  # of the shortest path from `row` to each column
    before = np.full(len(owner), -1)  # the column that a path comes from
    done = np.zeros(len(owner), bool)
    here, column, length = row, -1, 0.0
    while True:
        through = length + costs[here] - row_prices[here] - column_prices
        shorter = ~done & (through < lengths)
        lengths[shorter], before[shorter] = through[shorter], column
        column = int(np.where(done, np.inf, lengths).argmin())
        length = float(lengths[column])
        if owner[column] < 0:
            break
        done[column] = True
        here = int(owner[column])
    row_prices[row] += length
    row_prices[owner[done]] += length - lengths[done]
    column_prices[done] -= length - lengths[done]
    while before[column] >= 0:  # every column on the path gets the row of the one before it
        owner[column] = owner[before[column]]
        column = int(before[column])
    owner[column] = row
