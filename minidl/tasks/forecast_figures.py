"""What a comparison of forecasts draws: errors by lead over all seeds, and forecasts of single runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from minidl.core.layer import Layer
from minidl.data import Splits
from minidl.data.steps import units
from minidl.forecasting import Covariates
from minidl.forecasting.words import baseline_short
from minidl.plotting import fan_figure, forecast_figure
from minidl.plotting import lead_figure as lead_errors_figure
from minidl.plotting import style as look
from minidl.tasks.forecast_scores import ForecastScores
from minidl.tasks.protocols import Scores
from minidl.tasks.terms import Drawn, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Scoring(Protocol):
    """What is asked of a `minidl.tasks.Forecast`."""

    @property
    def horizons(self) -> Sequence[int]:
        """Rows ahead of the block scores."""

    @property
    def future_covariates(self) -> Covariates:
        """What forecasts are given for the other columns."""

    def scores_on(self, splits: Splits) -> ForecastScores:
        """How forecasts of these data are scored."""


def forecast_figures(task: Scoring, model: Layer, parts: Splits) -> dict[str, Figure]:
    """What `Forecast.draw_outputs` gives; of several targets a number stands at the end of each name."""
    figures = {}
    for end, one, found in _of_targets(task, parts):
        words = found.assumptions()[0]
        figures[f"forecast{end}.png"] = forecast_figure(one, found.forecaster(model), task.horizons, assumption=words)
    return figures


def score_figures(task: Scoring, model: Layer, parts: Splits, scores: Scores) -> dict[str, Figure]:
    """What `Forecast.draw` gives, named likewise."""
    figures = dict[str, Any]()
    for end, one, found in _of_targets(task, parts):
        target = one.table.target_name if parts.table.targets else ""
        own = {**scores, **scores["targets"][target]} if target else scores
        figures[f"error_by_lead{end}.png"] = lead_errors_figure(own, step=one.table.step_name(), target=target)
        spread = found.spread(model)
        if spread is not None:
            figures[f"fan{end}.png"] = fan_figure(one, found.forecaster(model), spread, own)
    return figures


def _of_targets(task: Scoring, parts: Splits) -> Iterator[tuple[str, Splits, ForecastScores]]:
    """The end of each target's names, its data, and how its forecasts are scored."""
    for k, one in enumerate(parts.of_targets(), 1):
        yield f"_{k}" if parts.table.targets else "", one, task.scores_on(one)


def run_figures(task: Scoring, model: Layer, splits: Splits) -> list[Drawn]:
    """Forecast against truth at the largest and smallest horizon, and intervals if there are any; of each target."""
    if not splits.table.targets:
        return _figures_of(task, model, splits)
    drawn: list[Drawn] = []
    for k, one in enumerate(splits.of_targets()):
        of = one.table.target_name
        drawn += [
            (f"{name}_{k + 1}", figure, f"{title}: {of}", f"{of}: {words[0].lower()}{words[1:]}")
            for name, figure, title, words in _figures_of(task, model, one)
        ]
    return drawn


def _figures_of(task: Scoring, model: Layer, splits: Splits) -> list[Drawn]:
    found = task.scores_on(splits)
    forecaster, spread, assumed = found.forecaster(model), found.spread(model), found.assumptions()
    ends = sorted({max(task.horizons), min(task.horizons)}, reverse=True)
    figure = forecast_figure(splits, forecaster, ends, assumption=assumed[0])
    figure.set_size_inches(11, 1.8 + 2.3 * len(ends))
    words = "beside the truth over a stretch of the test part"
    drawn: list[Drawn] = [("forecast", figure, "Forecast and truth", f"Forecasts of {{run}}, {words}.")]
    if spread is not None:
        scores = {**found.tables(forecaster, spread), "assumptions": assumed}
        fan = fan_figure(splits, forecaster, spread, scores)
        text = f"Intervals of {{run}}, {words}, and the share of the truths within them by lead."
        drawn.append(("fan", fan, "Intervals and what they cover", text))
    return drawn


def lead_figure(result: Result, shown: Mapping[str, Any]) -> Figure:
    """RMSE by lead: median and range over seeds, and the baselines."""
    facts = result["facts"]
    with look.style():
        figure, axes = look.panels(1, 4.4)
        ax, ends, top = axes[0], [], 0.0
        for (label, config), color in zip(shown.items(), look.COLORS, strict=False):
            leads = [int(k) for k in config["lead"]]
            scores = [config["lead"][str(k)]["rmse"] for k in leads]
            if scores[0]["n"]:
                low, high = ([s[name] for s in scores] for name in ("minimum", "maximum"))
                ax.fill_between(leads, low, high, color=color, alpha=0.15, lw=0)
                medians = np.array([s["median"] for s in scores], float)  # NaN where half of the runs broke
                ax.plot(leads, medians, color=color, marker="o", label=label)
                top = max([top, *medians[np.isfinite(medians)]])
        for (name, baseline), line in zip(result["baselines"].items(), cycle(look.LINES), strict=False):
            leads = [int(k) for k in baseline["lead"]]
            y = np.array([baseline["lead"][str(k)]["rmse"] for k in leads], float)
            ax.plot(leads, y, color="#555555", ls=line, lw=1.6, label=baseline_short(name))
            ends.append(y[-1])
        ax.set_ylim(0, 1.25 * max([top, *(y for y in ends if y < 2 * top)]) or 1)
        look.whole_numbers(ax)
        ax.set_xlabel(f"{units(facts['step'])} ahead")
        ax.set_ylabel(look.with_units("RMSE", facts["units"]))
        ax.set_title("Error by lead: median and range of all seeds")
        figure.legend(loc="outside lower center", ncols=2, fontsize=10)
    return figure
