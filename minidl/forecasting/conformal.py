"""Split-conformal calibration: margins that make intervals hold so many of the truths that no training saw.

For each lead the margins of the n validation windows whose truth is known are sorted, and the ⌈(n + 1) · coverage⌉-th
is taken. Where windows can be exchanged, an interval of a new one then holds the truth with at least that probability.
Windows of a series follow each other and its seasons, so here it holds as far as the time to come is like the
validation part.

References
----------
Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-free predictive inference for regression,
Journal of the American Statistical Association 113(523), 1094-1111.
Romano, Patterson and Candès (2019), Conformalized quantile regression, NeurIPS 32.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError, DataError
from minidl.data import Splits
from minidl.forecasting.distributions import Distributions
from minidl.forecasting.forecasters import Rows, Starts
from minidl.forecasting.scores import known_truth

Values = npt.NDArray[np.float64]
_ROUNDING = 1e-9  # 0.8 / (1 - 0.8) is a little more than 4


def calibration_starts(splits: Splits, coverage: float) -> Starts:
    """First rows of the windows that calibrate: those of validation, whose labels no training window has.

    Raises
    ------
    ConfigError
        There are none, or training has seen them.
    DataError
        They are too few for the coverage.
    """
    if splits.validation is None:
        raise ConfigError("evaluation.intervals.conformal: data.validation is not set, and nothing else calibrates.")
    starts = splits.validation.starts
    if trained_on(splits) or splits.in_test[splits.validation.origin_rows + splits.leads - 1].any():
        raise ConfigError(
            "evaluation.intervals.conformal: the validation windows are among those that are trained on, or tested; "
            "intervals are calibrated on rows that nothing has seen: use TailValidation."
        )
    fewest = int(calibration_counts(splits).min())
    if _rank(fewest, coverage) > fewest:
        few = f"{fewest} validation windows are"
        if fewest < len(starts):
            few = f"a lead is known in {fewest} of {len(starts)} validation windows,"
        raise DataError(
            f"evaluation.intervals.conformal: {few} too few for {coverage:.6g}; "
            f"at least {math.ceil(coverage / (1 - coverage) - _ROUNDING)} are needed."
        )
    return starts


def calibration_counts(splits: Splits) -> npt.NDArray[np.int64]:
    """int64 (leads,): of how many of the validation windows the truth of each lead is known."""
    starts = np.zeros(0, np.int64) if splits.validation is None else splits.validation.starts
    counts: npt.NDArray[np.int64] = known_truth(splits, starts, splits.leads).sum(axis=0)
    return counts


def trained_on(splits: Splits) -> bool:
    """Whether a label of a validation window is that of a training window too."""
    if splits.validation is None:
        return False
    labels = np.zeros(len(splits.values), bool)
    for lead in range(splits.leads):
        labels[splits.train.origin_rows + lead] = True
    return any(labels[splits.validation.origin_rows + lead].any() for lead in range(splits.leads))


def conformal_margins(splits: Splits, distributions: Distributions, coverage: float) -> Values:
    """(leads,): the margin of each lead, fitted on the validation windows; see `Distribution.interval`."""
    starts = calibration_starts(splits, coverage)
    truth = Rows.of(splits.table, splits.values, splits.test.time_steps).truth(starts, splits.leads)
    scores = distributions(starts, splits.leads).conformity(truth.astype(np.float64), coverage)
    scores = np.sort(np.where(known_truth(splits, starts, splits.leads), scores, np.inf), axis=0)
    ranks = [_rank(int(n), coverage) for n in calibration_counts(splits)]
    margins: Values = scores[np.array(ranks) - 1, np.arange(splits.leads)]
    return margins


def _rank(n: int, coverage: float) -> int:
    """⌈(n + 1) · coverage⌉."""
    return math.ceil((n + 1) * coverage - _ROUNDING)
