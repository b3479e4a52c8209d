"""A picture of intervals: how they open with the lead, and what they cover. No score is computed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from minidl.data import Splits
from minidl.data.steps import ahead, units
from minidl.forecasting import Forecaster
from minidl.forecasting.intervals import IntervalForecaster
from minidl.plotting import style as look
from minidl.plotting.forecasts import typical_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]


def fan_figure(
    splits: Splits,
    forecaster: Forecaster,
    intervals: IntervalForecaster,
    scores: dict[str, Any],
    *,
    n_rows: int = 168,
) -> Figure:
    """Above, forecasts of all leads with their intervals over a stretch of the test part; below, coverage by lead.

    The forecasts start from the truth one after the other, each where the one before ends.

    Parameters
    ----------
    splits : the data; the axis has times if its table has, else row numbers.
    forecaster : of the points.
    intervals : of the same model.
    scores : as in ``evaluation.json``.
    n_rows : how many rows are shown at most; see `typical_rows` for which.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    table, leads, step = splits.table, len(scores["lead"]), splits.table.step_name()
    shown = typical_rows(splits, n_rows)
    place = np.arange(len(table)) if table.times is None else table.times
    truth = table.values[:, table.target_index]
    share = f"{100 * intervals.coverage:.6g} %"
    with look.style():
        figure = look.new_figure(11, 7.2)
        above, below = figure.subplots(2, 1, height_ratios=(3, 2))
        rows = np.arange(shown[0] - 1, shown[-1] + 1)
        above.plot(place[rows], truth[rows], color=look.BLACK, lw=1.6, label="truth", zorder=3)
        _draw_fans(above, _fans(splits, forecaster, intervals, shown, leads), place, share)
        above.set_ylabel(look.with_units(table.target_name, table.units))
        far = ahead(leads, step)
        above.set_title(f"1 to {far} ahead, from the last known value; a new forecast every {far}")
        above.margins(x=0.01)
        if table.times is None:
            above.set_xlabel("row of the table")
        else:
            look.date_axis(above)
        _draw_coverage(below, scores, intervals.coverage, share)
        below.set_xlabel(f"{units(step)} ahead")
        calibrated = "calibrated on the validation part" if intervals.margins is not None else "not calibrated"
        of = f" of {table.series[int(table.series_of(shown[:1])[0])]}" if table.series else ""
        look.head(figure, f"Intervals of {share} on the test part{of}, {calibrated}", scores["assumptions"][0])
    return figure


def _fans(
    splits: Splits, forecaster: Forecaster, intervals: IntervalForecaster, shown: npt.NDArray[np.int64], leads: int
) -> tuple[npt.NDArray[np.int64], Array, Array, Array]:
    """(rows, points, lower, upper), (fans, 1 + leads) each, in the target's units; they begin with the known value."""
    T, column = splits.test.time_steps, splits.table.target_index
    starts = np.arange(shown[0], max(shown[0], shown[-1] - leads + 1) + 1, leads) - T
    ends = intervals.interval(intervals.distributions(starts, leads), leads)
    rows = starts[:, None] + T - 1 + np.arange(leads + 1)
    known = splits.table.values[rows[:, :1], column]
    scaled = (forecaster(starts, leads), *ends)
    points, lower, upper = (np.hstack([known, splits.scale_at(starts).unscale(one, column)]) for one in scaled)
    return rows, points, lower, upper


def _draw_fans(ax: Axes, fans: tuple[Array, Array, Array, Array], place: Array, share: str) -> None:
    for i, (rows, points, lower, upper) in enumerate(zip(*fans, strict=True)):
        band, line, dot = (f"{share} interval", "forecast", "start from the truth") if i == 0 else ("_", "_", "_")
        ax.fill_between(place[rows], lower, upper, color=look.SKY, alpha=0.45, lw=0, label=band)
        ax.plot(place[rows], points, color=look.VERMILLION, lw=1.8, label=line)
        ax.plot(place[rows[:1]], points[:1], "o", color=look.VERMILLION, ms=5, label=dot, zorder=4)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.2 * (high - low))  # the legend stands above the lines
    ax.legend(loc="upper right", ncols=4)


def _draw_coverage(ax: Axes, scores: dict[str, Any], coverage: float, share: str) -> None:
    leads = [int(lead) for lead in scores["lead"]]
    found = np.array([scores["lead"][str(lead)]["coverage"] for lead in leads], float)
    ax.axhline(100 * coverage, color=look.GREY, ls="--", lw=1.6, label=f"{share}, as the intervals say")
    ax.plot(leads, 100 * found, color=look.BLUE, marker="o", label="of the truths within")
    ax.set_ylim(max(0.0, 100 * min(coverage, float(np.nanmin(found))) - 15), 100)
    ax.set_ylabel("covered, %")
    ax.set_title("How many of the truths lie within, by lead")
    look.whole_numbers(ax)
    ax.legend(loc="lower right", ncols=2)
