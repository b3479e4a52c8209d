"""The picture of a backtest: the error by origin, and by lead with its range over the origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from minidl.plotting import style as look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = Sequence[float | None]


def backtest_figure(
    origins: Sequence[str],
    by_origin: Mapping[str, Numbers],
    by_lead: Mapping[str, Sequence[Numbers]],
    *,
    units: str = "",
    step: str = "step",
    target: str = "",
) -> Figure:
    """RMSE over all leads by origin, and by lead: the median over the origins, and the range of the first forecaster.

    Parameters
    ----------
    origins : of each fold, in words.
    by_origin : by name, one number a fold; None where there is none.
    by_lead : by name, (median, lowest, highest) of each lead from 1 on.
    step : the unit of a lead.
    target : whose errors they are, where there are several.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    styles = [(look.VERMILLION, "o"), *look.BASELINES]
    with look.style():
        figure = look.new_figure(11, 4.6, outside=True)
        left, right = figure.subplots(1, 2, sharey=True)
        for i, ((name, values), (color, marker)) in enumerate(zip(by_origin.items(), cycle(styles), strict=False)):
            numbers = np.array([np.nan if value is None else value for value in values], float)
            left.plot(range(len(origins)), numbers, color=color, marker=marker, label=name, zorder=3 - i / 100)
            ends = np.array(by_lead[name], float)
            leads = np.arange(1, len(ends) + 1)
            right.plot(leads, ends[:, 0], color=color, marker=marker if len(leads) == 1 else None, zorder=3 - i / 100)
            if not i:
                right.fill_between(leads, ends[:, 1], ends[:, 2], color=color, alpha=0.15, linewidth=0)
                right.set_title(f"By lead: median over origins, and range of {name}")
        shown = range(0, len(origins), 1 + (len(origins) - 1) // 8)
        left.set_xticks(shown, [origins[i] for i in shown], rotation=30, ha="right")
        of = f" of {target}" if target else ""
        left.set_ylabel(f"RMSE{of}, {units}" if units else f"RMSE{of}")
        left.set_title("By origin, all leads")
        right.set_xlabel(f"lead, {step}")
        look.whole_numbers(right)
        left.set_ylim(bottom=0)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(by_origin), 5))
    return figure
