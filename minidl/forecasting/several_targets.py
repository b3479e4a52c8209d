"""Scores of several targets together: by block and by lead, as those of one are.

``r2`` is the mean over the targets. ``loss``, ``rmse`` and ``mae`` are of scaled values, those of
all targets together, since their own units differ. Each target has its own scores beside these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl import metrics
from minidl.core.layer import Array
from minidl.data import Splits
from minidl.forecasting.forecasters import Forecaster, Starts
from minidl.forecasting.scores import Scores, block_starts, counted_pair, lead_starts, r2_of_each, scores_at
from minidl.metrics import by_stretch


@np.errstate(all="ignore")
def joint_scores(
    each: Sequence[Splits], forecasters: Sequence[Forecaster], horizons: Sequence[int]
) -> dict[str, dict[str, Scores]]:
    """``block`` of every horizon and ``lead`` up to the largest.

    Parameters
    ----------
    each : the data, for each target; see `Splits.of_targets`.
    forecasters : of each target.
    """
    furthest = max(horizons)
    blocks, starts = {str(k): joint_block(each, forecasters, k) for k in horizons}, lead_starts(each[0], furthest)
    forecasts = [one(starts, furthest) for one in forecasters]
    leads = {
        str(j + 1): _together(each, [forecast[:, [j]] for forecast in forecasts], starts + j) for j in range(furthest)
    }
    return {"block": blocks, "lead": leads}


@np.errstate(all="ignore")
def joint_block(
    each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int, shifted: bool = False
) -> Scores:
    """The block score; `shifted`: of a plot that is drawn one row early, see `score_shifted`."""
    starts = block_starts(each[0], horizon)
    return _together(each, [one(starts, horizon) for one in forecasters], starts - shifted)


def _together(each: Sequence[Splits], forecasts: Sequence[Array], starts: Starts) -> Scores:
    of_each = [scores_at(splits, forecast, starts)["r2"] for splits, forecast in zip(each, forecasts, strict=True)]
    pairs = []
    for splits, forecast in zip(each, forecasts, strict=True):
        made, truth, known = counted_pair(splits, forecast, starts)
        pairs.append((made[known], truth[known]))
    y, target = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    return {
        "loss": metrics.half_mse(y, target),
        "r2": float(np.mean(of_each)),
        "mae": metrics.mae(y, target),
        "rmse": metrics.rmse(y, target),
    }


def joint_sums(each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int) -> dict[str, list[list[float]]]:
    """What the block scores R² and RMSE are made of, by stretch of the test part; see `block_sums`."""
    starts, parts, counts, squares = block_starts(each[0], horizon), [], [], []
    for splits, forecaster in zip(each, forecasters, strict=True):
        forecast, truth, known = counted_pair(splits, forecaster(starts, horizon), starts)
        parts += r2_of_each(splits, forecast, truth, starts, known)
        e = np.asarray(forecast, np.float64) - truth
        counts.append(known.sum(axis=1))
        squares.append((e * e).sum(axis=1))
    return {"r2": by_stretch(*parts), "rmse": by_stretch(np.sum(counts, axis=0), np.sum(squares, axis=0))}
