"""A forecast on an experiment: what is refused unread, what is learned at which steps, validated and drawn."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl import ConfigError, DataError, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.data import TailValidation
from minidl.forecasting import DirectRidge, baselines, rival_forecaster
from minidl.forecasting.rivals.same_season import SameSeason
from minidl.losses import GaussianNLL, Loss, Quantile
from minidl.tasks import Forecast
from minidl.training import Training


def setting(data: Any, loss: Loss | None = None, **training: Any) -> Any:
    settings = Training(epochs=1, batch_size=8, **training)
    given = {"data": data, "model": Dense(1), "loss": loss or HalfMSE(), "training": settings}
    return SimpleNamespace(seed=1, dtype="float64", **given)


@pytest.mark.parametrize(("furthest", "fits"), [(54, True), (55, False)])
def test_a_config_whose_largest_horizon_is_beyond_the_test_windows_is_refused_unread(furthest: int, fits: bool) -> None:
    experiment: Any = SimpleNamespace(data=window_data(hourly_table()), loss=HalfMSE())  # 60 test rows, windows of 6
    task = Forecast(horizons=[1, furthest])
    if fits:
        task.check(experiment)
    else:
        message = "55 rows ahead need at least 55 test windows; data.test_size 60 and time_steps 6 give 54."
        with pytest.raises(ConfigError, match=f"^evaluation.horizons: {re.escape(message)}$"):
            task.check(experiment)


@pytest.mark.parametrize(("loss", "several"), [(HalfMSE(), 1), (Quantile([0.1, 0.5, 0.9]), 3), (GaussianNLL(), 2)])
@pytest.mark.parametrize("target", [(1,), (6, 1), (4,), (6, 4)])
def test_a_model_gets_a_target_for_each_lead_and_at_every_step_if_its_outputs_are(
    target: tuple[int, ...], loss: Loss, several: int
) -> None:
    experiment = setting(window_data(hourly_table()), loss)
    output = (*target[:-1], target[-1] * several)
    parts = Forecast().load(experiment, output)
    assert parts.train.gather(slice(0, 3)).target.shape == (3, *target)
    assert (parts.leads, parts.test.leads, len(parts.test)) == (target[-1], 1, 54)


def test_a_rival_that_cannot_be_is_refused_as_the_data_are_loaded() -> None:
    experiment = setting(window_data(hourly_table()))
    with pytest.raises(DataError, match=r"^evaluation\.rivals: SameSeason\(500\)"):
        Forecast(rivals=[SameSeason(500)]).load(experiment, (1,))


@pytest.mark.parametrize("refit", [False, True])
def test_what_stands_beside_a_model_learns_from_the_examples_that_the_model_has_in_the_end(refit: bool) -> None:
    task = Forecast(rivals=[DirectRidge()])
    half = task.load(setting(window_data(hourly_table(), validation=TailValidation(40)), refit=refit), (1,))
    whole = task.load(setting(window_data(hourly_table())), (1,))
    starts = half.test.starts[:5]
    for of in (
        lambda parts: baselines(parts)["linear"],
        lambda parts: rival_forecaster(parts, DirectRidge(), "actual", 2),
    ):
        assert np.array_equal(of(half)(starts, 2), of(whole)(starts, 2)) == refit


def test_validation_is_r2_of_outputs_against_targets() -> None:
    y, target = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [3.0], [8.0]])
    assert Forecast().validate(y, target) == {"r2": pytest.approx(1 - (0 + 1 + 16) / (9 + 1 + 16))}  # the mean is 4


def test_a_forecast_is_drawn_with_its_errors_by_lead() -> None:
    pytest.importorskip("matplotlib")
    parts = window_data(hourly_table()).load("float64")
    net = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    net.build((6, 3), 4, np.float64)
    task = Forecast(horizons=[2, 1])
    figures = task.draw_outputs(net, parts)
    assert [*figures, *task.draw(net, parts, task.evaluate(parts, net))] == ["forecast.png", "error_by_lead.png"]
    assert len(figures["forecast.png"].axes) == 2
