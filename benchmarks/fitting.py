"""A logistic regression of few features, for confidences that are fitted to what came true."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

_RIDGE = 1.0
_STEPS = 100


def probability(weights: Sequence[float], features: Sequence[float]) -> float:
    """What the weights make of the features."""
    dot = sum(w * x for w, x in zip(weights, features, strict=True))
    return 1 / (1 + exp(-dot))


def weights_of(rows: Sequence[tuple[tuple[float, ...], bool]]) -> list[float]:
    """Weights of a logistic regression, by Newton's method, with a ridge on all but the first."""
    size = len(rows[0][0])
    weights = [0.0] * size
    for _ in range(_STEPS):
        gradient = [_RIDGE * w if i else 0.0 for i, w in enumerate(weights)]
        hessian = [[_RIDGE * (i == j) * (i > 0) for j in range(size)] for i in range(size)]
        for features, good in rows:
            likely = probability(weights, features)
            for i in range(size):
                gradient[i] += (likely - float(good)) * features[i]
                for j in range(size):
                    hessian[i][j] += likely * (1 - likely) * features[i] * features[j]
        step = _solved(hessian, gradient)
        weights = [w - s for w, s in zip(weights, step, strict=True)]
    return weights


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The solution of a system of linear equations, by elimination; the matrix is positive."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        for j, row in enumerate(rows):
            if i != j:
                share = row[i] / pivot[i]
                rows[j] = [a - share * b for a, b in zip(row, pivot, strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]
