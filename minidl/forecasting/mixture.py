"""Several forecasts made one: their weighted mean in the target's own units, with weights from the validation part.

For each lead the weights w >= 0, which sum to 1, have the least sum of squared errors over the validation windows,
which no member was trained on. Members that only chance tells apart share theirs equally: what one validation part
says of them says nothing of the next one. Where there are no such windows, all have the same weight. The test part
plays no role.

References
----------
Bates and Granger (1969), The combination of forecasts, Operational Research Quarterly 20(4), 451-468.
Lawson and Hanson (1974), Solving least squares problems, chapter 23: nonnegative least squares by an active set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Array
from minidl.data import Splits
from minidl.forecasting.conformal import trained_on
from minidl.forecasting.forecasters import Forecaster, Starts

Values = npt.NDArray[np.float64]
_RIDGE = 1e-9  # of the mean squared error: makes weights of members with the same forecasts equal


@dataclass(frozen=True, eq=False)
class Member:
    """What is mixed: forecasts on some data. All members forecast the same rows, each on its own scale.

    Parameters
    ----------
    splits : the data, as the member scales them.
    forecaster : its forecasts, scaled.
    told : its distributions, scaled; None: it makes points alone.
    """

    splits: Splits
    forecaster: Forecaster
    told: Any = None  # Distributions | None; a call of it is not one of a method

    def values(self, starts: Starts, horizon: int) -> Values:
        """Forecasts in the target's units, (len(starts), horizon)."""
        return self.splits.scale_at(starts).unscale(self.forecaster(starts, horizon), self.splits.table.target_index)

    def truth(self, starts: Starts, horizon: int) -> tuple[Values, npt.NDArray[np.bool_]]:
        """What came, in the target's units, and whether it was measured; (len(starts), horizon) each."""
        table, T = self.splits.table, self.splits.test.time_steps
        rows = starts[:, None] + T + np.arange(horizon)
        came: Values = table.values[rows, table.target_index]
        return came, table.target_known[rows]


@dataclass(frozen=True, eq=False)
class MixtureWeights:
    """What each member counts.

    Parameters
    ----------
    values : (members, leads), at least 0; each column sums to 1.
    said : where they are from, in words.
    """

    values: Values
    said: str

    def to(self, horizon: int) -> Values:
        """(members, horizon): beyond the leads those of the last one."""
        return self.values[:, np.minimum(np.arange(horizon), self.values.shape[1] - 1)]


class Mixture:
    """A forecaster: the members' weighted mean, scaled as the first of them is.

    Parameters
    ----------
    members : of the same rows.
    weights : one row for each member.
    """

    def __init__(self, members: Sequence[Member], weights: MixtureWeights) -> None:
        self.members = members
        self.weights = weights

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        first = self.members[0].splits
        values = np.array([member.values(starts, horizon) for member in self.members])
        return first.scale_at(starts).scale(mixed(values, self.weights.to(horizon)), first.table.target_index)


def mixed(values: Values, weights: Values) -> Values:
    """(..., leads): the weighted mean of (members, ..., leads)."""
    mean: Values = np.einsum("m...j,mj->...j", values, weights)
    return mean


def fitted_weights(members: Sequence[Member], leads: int, kinds: Sequence[str] = ()) -> MixtureWeights:
    """By lead, from the members' errors on the validation part, of which no label lies in the test part.

    Parameters
    ----------
    members : as they were before validation rows taught them.
    kinds : of each member; those of one kind share its weight equally. Empty: each is of its own.
    """
    names = kinds or [str(i) for i in range(len(members))]
    share = np.array([[kind == name for name in dict.fromkeys(names)] for kind in names], float)
    share /= share.sum(axis=0)  # (members, kinds)
    if share.shape[1] == 1:
        return equal_weights(len(members), leads, "they differ in the seed alone")
    starts, why = weighing_starts([member.splits for member in members], leads)
    if why:
        return equal_weights(len(members), leads, why)
    truth, known = members[0].truth(starts, leads)
    errors = np.einsum("mnj,mk->knj", [member.values(starts, leads) - truth for member in members], share)
    by_lead = []
    for j in range(leads):
        of_lead = errors[:, known[:, j], j]
        if not (of_lead.size and np.isfinite(of_lead).all()):
            return equal_weights(len(members), leads, f"of lead {j + 1} there are no errors to weigh by")
        by_lead.append(share @ simplex_weights(of_lead @ of_lead.T / of_lead.shape[1]))
    said = f"weights by lead from {len(starts):,} windows of the validation part"
    shared = ", shared equally among runs that differ in the seed alone" * (share.shape[1] < len(members))
    return MixtureWeights(np.array(by_lead).T, said + shared)


def equal_weights(members: int, leads: int, why: str) -> MixtureWeights:
    """The plain mean, and why."""
    return MixtureWeights(np.full((members, leads), 1 / members), f"equal weights: {why}")


def weighing_starts(splits: Sequence[Splits], leads: int) -> tuple[Starts, str]:
    """First rows of the validation windows of all members, with all leads before the test part; or why there are none.

    Parameters
    ----------
    splits : of each member.
    """
    none = np.zeros(0, np.int64)
    validations = [one.validation for one in splits if one.validation is not None]
    if len(validations) < len(splits):
        return none, "there is no validation part to weigh by"
    if any(map(trained_on, splits)):
        return none, "the validation windows are among those that are trained on"
    starts: Any = reduce(np.intersect1d, [validation.starts for validation in validations])
    last = starts + splits[0].test.time_steps + leads - 1
    there = last < len(splits[0].in_test)
    starts = starts[there][~splits[0].in_test[last[there]]]
    return starts, "" if len(starts) else f"the validation part holds no window and {leads} leads"


def simplex_weights(products: Values) -> Values:
    """w >= 0, Σ w = 1, with the least w·G w: the weights of the mixture with the least mean squared error.

    The error of a mixture is the mixture of the errors. w is u / Σ u, where u >= 0 has the least ½ u·G u - Σ u;
    members join one after the other and leave when their u would fall below 0.

    Parameters
    ----------
    products : G (members, members), mean products of the members' errors.
    """
    n = len(products)
    G = products / (np.trace(products) / n or 1.0) + _RIDGE * np.eye(n)
    u, taken = np.zeros(n), np.zeros(n, bool)
    for _ in range(10 * n):  # far more than it takes
        slope = np.where(taken, 0.0, 1 - G @ u)
        if slope.max() <= 1e-10:
            break
        taken[int(slope.argmax())] = True
        while True:
            wanted = np.zeros(n)
            wanted[taken] = np.linalg.solve(G[np.ix_(taken, taken)], np.ones(int(taken.sum())))
            below = taken & (wanted <= 0)
            if not below.any():
                break
            u = u + (u[below] / (u[below] - wanted[below])).min() * (wanted - u)
            taken &= u > 1e-12 * u.max()
            u[~taken] = 0.0
        u = wanted
    weights: Values = u / u.sum()
    return weights
