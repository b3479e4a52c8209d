"""A linear model for each lead, which forecasts it at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl.core.arguments import PositiveFloat
from minidl.core.layer import Array
from minidl.core.registry import register
from minidl.data import Splits
from minidl.forecasting.forecasters import CHUNK, Covariates, Forecaster, Rows, Starts
from minidl.forecasting.rivals.rival import Rival, direct_inputs, starts_for


@register
@dataclass(eq=False)
class DirectRidge(Rival):
    """For each lead k a ridge regression: y_{t+k} = w_k · x + c_k of the window x, beside the recursive linear model.

    Minimises Σ (w · x + c - y)² + λ |w|² over the training windows whose y is known, by the
    normal equations in float64; c is not penalised.

    Parameters
    ----------
    ridge : λ, in units of the scaled values squared.
    """

    ridge: PositiveFloat = 1e-3

    @property
    def name(self) -> str:
        return "direct_linear"

    def fit(self, splits: Splits, rows: Rows, covariates: Covariates, horizon: int) -> Forecaster:
        starts = starts_for(splits.table, splits.taught, horizon)
        known = splits.table.target_known[starts[:, None] + rows.time_steps + np.arange(horizon)]
        normal, right = _sums(rows, starts, known, covariates, horizon)
        fitted = []
        for k in range(horizon):
            # What is known of a lead's rows stands in front of what is known of those of later leads.
            size = 1 + direct_inputs(rows, splits.train.starts[:1], k + 1, covariates).shape[1]
            penalty = self.ridge * np.diag(np.arange(size) > 0)
            own = normal[:size, :size] - _squares(rows, starts[~known[:, k]], covariates, horizon, size)
            fitted.append(np.linalg.solve(own + penalty, right[:size, k]))
        return DirectLinear(rows, fitted, covariates)


class DirectLinear:
    """See `DirectRidge`; `coefficients` are c and w of each lead."""

    def __init__(self, rows: Rows, coefficients: list[Array], covariates: Covariates) -> None:
        self.rows, self.coefficients, self.covariates = rows, coefficients, covariates

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        forecasts = np.empty((len(starts), horizon))
        for first in range(0, len(starts), CHUNK):
            x = _with_constant(self.rows, starts[first : first + CHUNK], horizon, self.covariates)
            for k, coefficients in enumerate(self.coefficients[:horizon]):
                forecasts[first : first + CHUNK, k] = x[:, : len(coefficients)] @ coefficients
        return forecasts


def _with_constant(rows: Rows, starts: Starts, lead: int, covariates: Covariates) -> Array:
    """(B, 1 + D): 1, and the inputs of a lead, in float64."""
    x = direct_inputs(rows, starts, lead, covariates)
    return np.concatenate([np.ones((len(x), 1)), x], axis=1)


def _sums(rows: Rows, starts: Starts, known: Array, covariates: Covariates, horizon: int) -> tuple[Array, Array]:
    """Σ x xᵀ, (D, D), and Σ x y over the known y of every lead, (D, horizon), with the inputs of the largest one."""
    normal, right = np.zeros(()), np.zeros(())
    for first in range(0, len(starts), CHUNK):
        chunk = starts[first : first + CHUNK]
        x = _with_constant(rows, chunk, horizon, covariates)
        normal = normal + x.T @ x
        right = right + x.T @ np.where(known[first : first + CHUNK], rows.truth(chunk, horizon), 0)
    return normal, right


def _squares(rows: Rows, starts: Starts, covariates: Covariates, horizon: int, size: int) -> Array:
    """Σ x xᵀ of the first inputs, (size, size)."""
    total = np.zeros((size, size))
    for first in range(0, len(starts), CHUNK):
        x = _with_constant(rows, starts[first : first + CHUNK], horizon, covariates)[:, :size]
        total += x.T @ x
    return total
