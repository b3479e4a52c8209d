"""What a comparison draws of a single run of a forecast."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl import Dense, LastStep, Quantile, RecurrentLayer, Sequential
from minidl.forecasting import assumptions, model_forecaster
from minidl.tasks import Forecast, Intervals, forecast_figures
from minidl.tasks.forecast_terms import ForecastTerms
from minidl.tasks.points import Points


def model(outputs: int) -> Sequential:
    net = Sequential([RecurrentLayer(3), LastStep(), Dense(outputs)])
    net.build((6, 3), 4, np.float64)
    return net


@pytest.mark.parametrize(("horizons", "ends"), [((2, 4, 1), [4, 1]), ((3,), [3])])
def test_a_run_is_drawn_at_its_largest_and_its_smallest_horizon(
    horizons: tuple[int, ...], ends: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    sizes: list[Any] = []
    figure = SimpleNamespace(set_size_inches=lambda *size: sizes.append(size))
    monkeypatch.setattr(forecast_figures, "forecast_figure", lambda *args, **more: asked.append((args, more)) or figure)
    parts, net = window_data(hourly_table()).load("float64"), model(1)
    drawn = ForecastTerms(Forecast(horizons=list(horizons))).run_figures(net, parts)
    words = "Forecasts of {run}, beside the truth over a stretch of the test part."
    assert drawn == [("forecast", figure, "Forecast and truth", words)]
    ((args, more),) = asked
    assert (args[0], args[2]) == (parts, ends)
    assert more == {"assumption": assumptions(parts, "hold_last", 4)[0]}
    starts = parts.test.starts[:3]
    np.testing.assert_array_equal(args[1](starts, 2), model_forecaster(parts, net, "hold_last")(starts, 2))
    assert sizes == [(11, pytest.approx(1.8 + 2.3 * len(ends)))]


def test_a_run_with_intervals_is_drawn_with_them_and_what_they_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(forecast_figures, "forecast_figure", lambda *_, **__: SimpleNamespace(set_size_inches=max))
    monkeypatch.setattr(forecast_figures, "fan_figure", lambda *args: asked.append(args) or "fan")
    data, loss = window_data(hourly_table()), Quantile([0.1, 0.5, 0.9])
    parts, net = data.load("float64", leads=2), model(6)
    task = Forecast(horizons=[2, 1], intervals=Intervals(0.8))
    points = Points(net, loss)
    name, figure, title, alt = ForecastTerms(task).run_figures(points, parts)[1]
    assert (name, figure, title) == ("fan", "fan", "Intervals and what they cover")
    assert alt.startswith("Intervals of {run}, beside the truth over a stretch of the test part, and the share")
    ((splits, forecaster, spread, scores),) = asked
    evaluated = task.evaluate(parts, points)
    assert scores["lead"] == evaluated["lead"]
    assert scores["assumptions"][0] == evaluated["assumptions"][0]
    assert splits is parts
    starts = parts.test.starts[:3]
    lower, upper = spread.interval(spread.distributions(starts, 2), 2)
    assert (lower <= forecaster(starts, 2)).all()
    assert (forecaster(starts, 2) <= upper).all()
