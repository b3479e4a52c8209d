"""Scores of forecasts on the test part: by block, as the textbook does, and by lead.

A window is a forecast origin. ``loss`` (½ · MSE) and ``r2`` are of scaled values,
``mae`` and ``rmse`` in the target's own units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from minidl import metrics
from minidl.arguments import Configurable, Number, PositiveInt
from minidl.data import Splits
from minidl.errors import ConfigError, DataError, NumericalError
from minidl.forecasting.assumptions import assumptions, check_covariates, left_out
from minidl.forecasting.forecasters import (
    Covariates,
    Forecaster,
    Linear,
    Persistence,
    Recursive,
    Rows,
    Seasonal,
    model_one_step,
)
from minidl.layer import Array, Layer, n_parameters

Scores = dict[str, float]


@dataclass(eq=False)
class Published(Configurable):
    """Block scores that somebody published, to stand beside the run's own.

    Parameters
    ----------
    source : a short name for the table's head.
    r2, loss : one value for each of evaluation.horizons, in that order.
    """

    source: str
    r2: list[Number]
    loss: list[Number]


@dataclass(eq=False)
class Evaluation(Configurable):
    """What is scored: the ``evaluation`` section of a config.

    Parameters
    ----------
    horizons : rows ahead of the block scores; lead scores go from 1 to the largest.
    checkpoint : which weights are scored, ``last`` or ``best`` (lowest validation loss).
    published : scores from elsewhere to print beside; None: none.
    future_covariates : what recursive forecasts are given for the other columns
        of rows that have not come yet: ``hold_last``, the values of the last known
        row, as ``minidl predict`` does; ``same_hour_yesterday``, the latest known
        ones of the same time of day; ``actual``, their true values, as in the
        textbook, which no real forecast has.
    """

    horizons: Annotated[list[PositiveInt], Meta(min_length=1)] = field(default_factory=lambda: [8, 4, 2, 1])
    checkpoint: Literal["last", "best"] = "last"
    published: Published | None = None
    future_covariates: Covariates = "hold_last"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.horizons)) < len(self.horizons):
            raise ConfigError(f"Evaluation: horizons: expected different numbers, got {self.horizons}.")
        for name in ("r2", "loss") if self.published is not None else ():
            count = len(getattr(self.published, name))
            if count != len(self.horizons):
                raise ConfigError(
                    f"Evaluation: published.{name}: expected one value for each of the {len(self.horizons)} horizons, "
                    f"got {count}; or set published to null."
                )


# A forecast that grows beyond all numbers is a score of Inf, which is reported, and no warning.
@np.errstate(all="ignore")
def block_scores(splits: Splits, forecaster: Forecaster, horizon: int) -> Scores:
    """The textbook's score: test windows in blocks of `horizon` without overlap, a remainder dropped.

    The forecast starts at each block's first window, so the score is an average
    over leads 1 ... horizon, not the score of the last lead.
    """
    starts = splits.test.starts
    starts = starts[: len(starts) // horizon * horizon : horizon]
    return _scores(splits, forecaster(starts, horizon), _rows(splits).truth(starts, horizon))


@np.errstate(all="ignore")
def lead_scores(splits: Splits, forecaster: Forecaster, horizon: int) -> dict[str, Scores]:
    """Scores of every single lead 1 ... horizon, over all origins that have `horizon` following rows."""
    starts = splits.test.starts
    starts = starts[: len(starts) - horizon + 1]
    forecast, truth = forecaster(starts, horizon), _rows(splits).truth(starts, horizon)
    return {str(j + 1): _scores(splits, forecast[:, j], truth[:, j]) for j in range(horizon)}


def _scores(splits: Splits, forecast: Array, truth: Array) -> Scores:
    column = splits.table.target_index
    y, target = splits.scale.unscale(forecast, column), splits.scale.unscale(truth, column)
    return {
        "loss": metrics.half_mse(forecast, truth),
        "r2": metrics.r2(forecast, truth),
        "mae": metrics.mae(y, target),
        "rmse": metrics.rmse(y, target),
    }


def _rows(splits: Splits) -> Rows:
    return Rows(splits.values, splits.test.time_steps, splits.table.target_index, splits.table.rows_of_a_day)


def baselines(splits: Splits, covariates: Covariates = "actual") -> dict[str, Forecaster]:
    """The forecasts that every model has to beat, by name; `covariates` as in `Evaluation.future_covariates`.

    There is no seasonal one where `left_out` says why not.
    """
    rows = _rows(splits)
    day = None if left_out(splits) else rows.day
    return {
        "persistence": Persistence(rows),
        **({} if day is None else {"seasonal_24h": Seasonal(rows, day)}),
        "linear": Linear(rows, splits.train, covariates=covariates),
    }


def model_forecaster(splits: Splits, model: Layer, covariates: Covariates = "actual") -> Forecaster:
    """A model's recursive forecasts on the test part; `covariates` as in `Evaluation.future_covariates`.

    Raises
    ------
    DataError
        Yesterday is asked for, and the table does not say what that is, or begins too late.
    """
    check_covariates(splits, covariates)
    return Recursive(_rows(splits), model_one_step(model), covariates)


@np.errstate(all="ignore")
def score_shifted(splits: Splits, forecaster: Forecaster, horizon: int) -> Scores:
    """The block score of a plot drawn one row early: each forecast against the truth of the row *before* its own.

    No score of a forecast. It shows how good such a plot looks.
    """
    starts = splits.test.starts
    starts = starts[: len(starts) // horizon * horizon : horizon]
    return _scores(splits, forecaster(starts, horizon), _rows(splits).truth(starts - 1, horizon))


def evaluate(splits: Splits, model: Layer, evaluation: Evaluation) -> dict[str, Any]:
    """All scores of a model and of the baselines, as in ``evaluation.json``.

    Raises
    ------
    DataError
        The test part is shorter than the largest horizon.
    """
    horizons, covariates = evaluation.horizons, evaluation.future_covariates
    horizon = max(horizons)
    if len(splits.test) < horizon:
        raise DataError(
            f"evaluation.horizons: {horizon} rows ahead need at least {horizon} test windows; "
            f"data.test_size gives {len(splits.test)}."
        )
    return {
        **score(splits, model_forecaster(splits, model, covariates), horizons),
        "baselines": {name: score(splits, f, horizons) for name, f in baselines(splits, covariates).items()},
        "parameters": n_parameters(model),
        "units": splits.table.units,
        "future_covariates": covariates,
        "assumptions": assumptions(splits, covariates),
        "left_out": left_out(splits),
    }


def score(splits: Splits, forecaster: Forecaster, horizons: Sequence[int]) -> dict[str, Any]:
    """Block scores of every horizon and lead scores up to the largest."""
    return {
        "block": {str(k): block_scores(splits, forecaster, k) for k in horizons},
        "lead": lead_scores(splits, forecaster, max(horizons)),
    }


def broken_score(scores: Mapping[str, Any]) -> str | None:
    """The first of a model's scores that is not finite, in words; None if all are.

    An R² of NaN is none of them if the other scores are finite: it is undefined, for
    the target is constant, which is no fault of the model.
    """
    for kind in ("block", "lead"):
        for key, values in scores[kind].items():
            for name, value in values.items():
                if not math.isfinite(value) and not (name == "r2" and math.isnan(value)):
                    return f"{name} of {kind} {key} is {value}"
    return None


def check_finite(scores: Mapping[str, Any], where: object) -> None:
    """Raise NumericalError, which names `where`, if one of a model's scores is NaN or Inf; see `broken_score`."""
    broken = broken_score(scores)
    if broken is not None:
        raise NumericalError(
            f"{where}: the training was finite, but the scores are not ({broken}): the model's own forecasts, "
            "fed back, grow beyond all numbers. Try a smaller learning rate, or a bounded activation."
        )
