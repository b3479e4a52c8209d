"""Rollout: a one-step forecast that is fed back, against plain loops, recursive forecasts and central differences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import CONFIG, hourly_table, window_data, write_experiment

from minidl import (
    ConfigError,
    Context,
    Dense,
    Dropout,
    GRULayer,
    LastStep,
    Layer,
    RecurrentLayer,
    Rollout,
    Sequential,
    ShapeError,
)
from minidl.comparison.budget import multiply_adds
from minidl.core.layer import Array
from minidl.experiment import load_experiment
from minidl.forecasting import model_forecaster
from minidl.runs.run import Run

T, F, TARGET = 5, 3, 1


def one_step() -> Sequential:
    return Sequential([GRULayer(4), LastStep(), Dense(1)])


def built(steps: int, layer: Layer | None = None) -> Rollout:
    model = Rollout(layer or one_step(), steps=steps, target=TARGET)
    model.build((T, F), 3, "float64")
    return model


def naive(model: Rollout, window: list[list[float]], target: int = TARGET) -> list[float]:
    made: list[float] = []
    for _ in range(model.steps):
        made.append(float(model.layer(np.array([window]))[0, 0]))
        window = [*window[1:], [made[-1] if k == target else window[-1][k] for k in range(F)]]
    return made


X = np.random.default_rng(0).standard_normal((4, T, F))


@pytest.mark.parametrize("steps", [1, 2, 5, 8])  # 8: the last windows hold nothing but forecasts
def test_each_forecast_stands_in_the_next_window(steps: int) -> None:
    model = built(steps)
    np.testing.assert_allclose(model(X), [naive(model, window) for window in X.tolist()], rtol=1e-12)


def test_the_gradient_goes_back_through_all_steps() -> None:
    # Caught here: no way back through what was fed back, or through the columns that are held.
    model, w = built(8), np.random.default_rng(1).standard_normal((4, 8))
    _, cache = model.forward(X)
    dx, grads = model.backward(w, cache)

    def value(x: Array) -> float:
        return float((model(x) * w).sum())

    h, found = 1e-5, np.empty_like(X)
    for place in np.ndindex(X.shape):
        up, down = X.copy(), X.copy()
        up[place] += h
        down[place] -= h
        found[place] = (value(up) - value(down)) / (2 * h)
    assert dx is not None
    np.testing.assert_allclose(dx, found, rtol=0, atol=1e-7 * np.abs(found).max())
    for name, parameter in model.params.items():
        for place in list(np.ndindex(parameter.shape))[:6]:
            kept = parameter[place]
            ends = []
            for sign in (1, -1):
                parameter[place] = kept + sign * h
                ends.append(value(X))
            parameter[place] = kept
            scale = np.abs(grads[name]).max()
            assert grads[name][place] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=0, abs=1e-7 * scale)


def test_sequences_of_different_length_are_continued_where_they_end() -> None:
    model, lengths = built(6), np.array([5, 3, 3, 1])
    padded = X.copy()
    for i, n in enumerate(lengths):
        padded[i, n:] = np.nan
    w = np.random.default_rng(1).standard_normal((4, 6))
    y, cache = model.forward(padded, Context(lengths=lengths))
    dx, grads = model.backward(w, cache)
    alone = [model.forward(X[i : i + 1, :n]) for i, n in enumerate(lengths)]
    np.testing.assert_allclose(y, np.concatenate([made for made, _ in alone]), rtol=1e-12)
    back = [model.backward(w[i : i + 1], cache) for i, (_, cache) in enumerate(alone)]
    assert dx is not None
    for i, n in enumerate(lengths):
        np.testing.assert_allclose(dx[i, :n], back[i][0][0], rtol=1e-9, atol=1e-12)  # type: ignore[index]
    for name, value in grads.items():
        np.testing.assert_allclose(value, sum(own[name] for _, own in back), rtol=1e-9, atol=1e-12)


def test_each_step_draws_its_own_dropout() -> None:
    model = built(40, Sequential([LastStep(), Dropout(0.5), Dense(1, bias=False)]))
    y, _ = model.forward(np.ones((1, T, F)), Context(training=True, rng=np.random.default_rng(2)))
    assert len(np.unique(y.round(9))) > 5


def test_it_costs_its_layer_once_a_step_and_has_its_parameters_once() -> None:
    model, alone = built(7), one_step()
    assert multiply_adds(model, (T, F)) == 7 * multiply_adds(alone, (T, F))
    assert [name.removeprefix("inner.") for name in model.params] == list(built(1).layer.params)


@pytest.mark.parametrize(
    ("layer", "shape", "target", "message"),
    [
        (LastStep(), (T, F), 0, "Rollout: LastStep makes (3,) of (5, 3); it must make one number, (1,)."),
        (RecurrentLayer(1), (T, F), 0, "Rollout: RecurrentLayer makes (5, 1) of (5, 3); it must make one number"),
        (Dense(1), (F,), 0, "Rollout: expected windows of shape (time, features), got (3,)."),
        (one_step(), (T, F), 3, "Rollout: [3] from 0 on do not fit 3 features."),
        (one_step(), (T, F), "pm", "Rollout: the name 'pm' means a column of an experiment's data; elsewhere give its"),
    ],
)
def test_what_cannot_be_fed_back_is_refused(layer: Layer, shape: Any, target: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}"):
        Rollout(layer, steps=2, target=target).build(shape, 1)


class Closed(Sequential):
    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, dict[str, Array]]:
        return None, super().backward(dy, cache)[1]


def test_a_layer_without_a_way_back_to_its_window_is_refused() -> None:
    model = built(2, Closed([LastStep(), Dense(1)]))
    y, cache = model.forward(X)
    with pytest.raises(ShapeError, match=r"^Rollout: Closed returned None for dx, which is fed back"):
        model.backward(np.ones_like(y), cache)


# --- forecasts


@pytest.mark.parametrize("steps", [1, 3, 8])  # beyond 3 its own forecasts go on being fed back
def test_its_forecasts_are_the_recursive_ones_of_its_layer(steps: int) -> None:
    parts = window_data(hourly_table(target_index=TARGET), time_steps=T).load("float64")
    model, starts = built(steps), parts.test.starts[:20]
    expected = model_forecaster(parts, model.layer, "hold_last")(starts, 8)
    np.testing.assert_allclose(model_forecaster(parts, model, "hold_last")(starts, 8), expected, rtol=1e-10)


ROLLED = CONFIG[: CONFIG.index("model:")] + (
    """\
model:
  type: Rollout
  steps: 4
  target: pm
  layer:
    type: Sequential
    layers: [{type: RecurrentLayer, hidden_size: 3}, LastStep, {type: Dense, output_size: 1}]
"""
    + CONFIG[CONFIG.index("loss:") :]
)


def test_a_config_trains_a_recursive_forecast_by_the_error_of_all_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(write_experiment(tmp_path, ROLLED))
    assert experiment.output_shape() == (4,)
    made, parts = Run.create(experiment, tmp_path / "run"), experiment.load_data()
    made.train(parts)
    scores = made.evaluate(parts)
    model: Any = made.experiment.model
    assert scores["lead"]["4"]["rmse"] > 0
    assert made.predict().said().endswith("nothing of later rows is assumed")
    batch = parts.validation.gather(slice(None))
    windows = batch.x.tolist()
    assert model.places_of([model.target], "target") == [0]
    e = [np.array(naive(model, window, 0)) for window in windows] - batch.target
    losses = [record.validation_loss for record in made.log()]
    assert min(loss for loss in losses if loss is not None) == pytest.approx(np.mean(e**2) / 2)


@pytest.mark.parametrize(
    ("was", "is_", "message"),
    [
        ("target: pm\n  layer", "target: pn\n  layer", "model.target: Rollout: there is no feature 'pn'; known: pm, "),
        ("steps: 4", "steps: 5", "model: the model's output has shape (5,); a forecast is one number"),
        ("output_size: 1", "output_size: 4", "model.layer: Rollout: Sequential makes (4,) of (6, 3); it must make one"),
    ],
)
def test_a_wrong_config_is_refused_with_its_place(tmp_path: Path, was: str, is_: str, message: str) -> None:
    assert was in ROLLED
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_experiment(write_experiment(tmp_path, ROLLED.replace(was, is_)))
