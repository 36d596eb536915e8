"""Logistic regression of one class, and the sigmoid that makes scores of an SVM's margins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Numbers = NDArray[np.float64]


def fit_logistic(features: NDArray[np.floating], targets: NDArray[np.floating], cost: float) -> tuple[Numbers, float]:
    """Weights (C,) and bias that least err on features (N, C) of which ``targets`` (N,), 0..1, say how true they are.

    Half of the weights' square norm is added to ``cost`` times the cross entropy; the bias is free.
    """
    x, wanted = np.asarray(features, np.float64), np.asarray(targets, np.float64)

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        weights, bias = parameters[:-1], parameters[-1]
        logits = x @ weights + bias
        value = weights @ weights / 2 + cost * (np.logaddexp(0, logits) - wanted * logits).sum()
        slope = cost * (expit(logits) - wanted)
        return float(value), np.append(weights + x.T @ slope, slope.sum())

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    return found.x[:-1], float(found.x[-1])


def fit_sigmoid(margins: NDArray[np.floating], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift by which a sigmoid makes probabilities of margins (N,) (Platt, 1999)."""
    slope, shift = fit_logistic(margins[:, None], drawn_in(positive), cost=1e6)
    return float(slope[0]), shift


def drawn_in(positive: NDArray[np.bool_]) -> Numbers:
    """Targets (N,) a little short of 0 and 1, so that examples told apart perfectly make no step (Platt, 1999)."""
    count = positive.sum()
    return np.asarray(np.where(positive, (count + 1) / (count + 2), 1 / (len(positive) - count + 2)), np.float64)
