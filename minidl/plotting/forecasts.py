"""Pictures of forecasts: forecast against truth, and error by lead. No score is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from minidl.data import Splits
from minidl.data.steps import ahead, unit, units
from minidl.forecasting import Forecaster
from minidl.forecasting.scores import block_starts, test_starts
from minidl.forecasting.words import baseline_short
from minidl.plotting import style as look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
TableRows = npt.NDArray[np.int64]


def forecast_figure(
    splits: Splits,
    forecaster: Forecaster,
    horizons: Sequence[int] = (8, 4, 2, 1),
    *,
    n_rows: int = 120,
    assumption: str = "",
) -> Figure:
    """Forecast against truth over a stretch of the test part, one panel for each horizon.

    The forecast of row t stands at row t. With a horizon of k rows, forecasts
    are those of the block score: each starts from the truth, at a dot, and runs k
    rows on its own predictions before the next begins.

    Parameters
    ----------
    splits : the data; the axis has times if its table has, else row numbers.
    forecaster : `model_forecaster`'s, or a baseline.
    n_rows : how many rows are shown (120 hours are five days); see `typical_rows` for which.
    assumption : what the forecasts take for granted, for the head; see `minidl.forecasting.assumptions`.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    table = splits.table
    shown = typical_rows(splits, n_rows)
    place = np.arange(len(table)) if table.times is None else table.times
    truth = table.values[:, table.target_index]
    with look.style():
        figure = look.new_figure(11, 1.8 + 2.1 * len(horizons))
        axes = figure.subplots(len(horizons), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        rows = np.arange(shown[0] - 1, shown[-1] + 1)
        for ax, horizon in zip(axes, horizons, strict=True):
            ax.plot(place[rows], truth[rows], color=look.BLACK, lw=1.6, label="truth")
            _draw_blocks(ax, _blocks(splits, forecaster, horizon, shown), place, truth if horizon > 1 else None)
            ax.set_title(_panel_title(horizon, table.step_name()))
            ax.margins(x=0.01)
        if table.times is None:
            axes[-1].set_xlabel("row of the table")
        else:
            look.date_axis(axes[-1])
        figure.supylabel(look.with_units(table.target_name, table.units), x=0.005, fontsize=12)
        look.head(figure, _forecast_title(splits, shown), assumption)
        handles, labels = axes[int(np.argmax(horizons))].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", ncols=3)
    return figure


def _draw_blocks(ax: Axes, blocks: tuple[TableRows, Array], place: Array, truth: Array | None) -> None:
    """Forecasts of a horizon as one line, with dots where it starts from the truth, if that is given."""
    rows, y = blocks
    ax.plot(place[rows].ravel(), y.ravel(), color=look.VERMILLION, lw=1.8, label="forecast")
    if truth is not None:
        known = rows[:, 0][np.isfinite(y[:, 0])]
        ax.plot(place[known], truth[known], "o", color=look.VERMILLION, ms=5, label="start from the truth")


def typical_rows(splits: Splits, n_rows: int) -> TableRows:
    """The `n_rows` consecutive rows of the test part that are most like the whole of it.

    That is, the least |mean - mean of the test part| + |standard deviation -
    that of the test part| of the target. They begin at midnight if the rows
    have times, and belong to one series; the forecasts play no part. A shorter test part is shown whole.

    Returns
    -------
    int64 (at most n_rows,), rows of the table that have a forecast.
    """
    rows = splits.test.origin_rows
    n_rows = min(n_rows, max(map(len, test_starts(splits))))
    if len(rows) <= n_rows:
        return rows
    y = splits.table.values[rows, splits.table.target_index]
    stretches = sliding_window_view(y, n_rows)
    unlike = np.abs(stretches.mean(axis=1) - y.mean()) + np.abs(stretches.std(axis=1) - y.std())
    broken = rows[n_rows - 1 :] - rows[: len(stretches)] != n_rows - 1  # from one series into the next
    unlike[broken] = np.inf
    if splits.table.times is not None:
        times = splits.table.times[rows][: len(stretches)]
        midnight = times == times.astype("datetime64[D]")
        midnight &= ~broken
        if midnight.any():
            unlike[~midnight] = np.inf
    first = int(np.argmin(unlike))
    return rows[first : first + n_rows]


def _blocks(splits: Splits, forecaster: Forecaster, horizon: int, shown: TableRows) -> tuple[TableRows, Array]:
    """The block score's forecasts of the rows `shown`, in the target's units, ready to be drawn as one line.

    Returns
    -------
    rows, y : (blocks, k + 2) each: the last known row with its true value, the k
        forecasts, and a NaN that ends the stroke. Single steps (k = 1) are joined
        to one line instead: (blocks, 1), forecasts only. NaN outside of `shown`.
    """
    T, column = splits.test.time_steps, splits.table.target_index
    starts = np.sort(block_starts(splits, horizon))
    starts = starts[(starts + T + horizon > shown[0]) & (starts + T <= shown[-1])]
    y = splits.scale_at(starts).unscale(forecaster(starts, horizon), column)
    rows = starts[:, None] + T + np.arange(horizon)  # window s .. s+T-1, so lead 1 is row s + T
    y = np.where((rows >= shown[0]) & (rows <= shown[-1]), y, np.nan)
    if horizon == 1:
        return rows, y
    known = rows[:, :1] - 1
    truth = np.where(known >= shown[0] - 1, splits.table.values[known, column], np.nan)
    return np.hstack([known, rows, rows[:, -1:]]), np.hstack([truth, y, np.full_like(truth, np.nan)])


def lead_figure(scores: dict[str, Any], *, step: str = "h", target: str = "") -> Figure:
    """RMSE and MAE by lead, of the model and of every baseline.

    Parameters
    ----------
    scores : as in ``evaluation.json``.
    step : the unit of a lead, as `Table.step_name` gives it.
    target : its name for the head, where it is one of several.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    leads = [int(lead) for lead in scores["lead"]]
    lines = [("model", scores["lead"], look.VERMILLION, "o")]
    for (name, baseline), mark in zip(scores["baselines"].items(), cycle(look.BASELINES), strict=False):
        lines.append((baseline_short(name), baseline["lead"], *mark))
    with look.style():
        figure = look.new_figure(11, 5)
        for ax, key in zip(figure.subplots(1, 2), ("rmse", "mae"), strict=True):
            ends, top = [], 0.0
            for label, by_lead, color, marker in lines:
                y = np.array([by_lead[str(lead)][key] for lead in leads], dtype=float)
                width, on_top = (3.0, 3) if label == "model" else (1.6, 2)
                ax.plot(leads, y, color=color, lw=width, marker=marker, label=label, zorder=on_top)
                ends.append((float(y[-1]), label, color))
                top = max([top, *y[np.isfinite(y)]])
            ax.set_ylim(0, 1.12 * top or 1)
            ax.set_title({"rmse": "Root mean square error", "mae": "Mean absolute error"}[key])
            ax.set_ylabel(look.with_units(key.upper(), scores["units"]))
            ax.set_xlabel(f"{units(step)} ahead")
            look.whole_numbers(ax)
            look.label_ends(ax, leads[-1], ends)
        every = f"forecasts from every {unit(step)} (model: {scores['parameters']} parameters)"
        of = f" of {target}" if target else ""
        look.head(figure, f"Error by lead{of} on the test part, {every}", (scores.get("assumptions") or [""])[0])
    return figure


def _panel_title(horizon: int, step: str) -> str:
    if horizon == 1:
        return f"{ahead(1, step)} ahead: every forecast is made from the truth until the {unit(step)} before"
    return f"1 to {ahead(horizon, step)} ahead: a new forecast from the truth every {ahead(horizon, step)}"


def _forecast_title(splits: Splits, shown: TableRows) -> str:
    """What is shown, which part of the test part it is, and by which rule."""
    table = splits.table
    if table.times is None:
        span = f"rows {shown[0]} to {shown[-1]}"
    else:
        days = (table.times[row].item() for row in (shown[0], shown[-1]))
        first, last = (f"{day.day} {day:%B %Y}" for day in days)
        span = first if first == last else f"{first} to {last}"
    rule = (
        "the whole test part"
        if len(shown) == len(splits.test)
        else "the stretch of the test part nearest to its mean and standard deviation"
    )
    of = f" of {table.series[int(table.series_of(shown[:1])[0])]}" if table.series else ""
    return f"Forecast and truth{of}, {span}\n({rule})"
