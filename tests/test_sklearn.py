# ruff: noqa: E402 - what may be missing is asked for first
"""The estimators for scikit-learn: its own checks, pipelines and searches; forecasts against the library's windows."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")

from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from minidl import Adam, ConfigError, DataError, GRULayer, LastStep, LSTMLayer, Sequential
from minidl.sklearn import RNNForecaster, RNNRegressor

SMALL: dict[str, Any] = {"hidden_size": 4, "epochs": 3, "engine": "numpy", "random_state": 0}
WAVE = np.sin(np.arange(120) * 2 * np.pi / 12) + 5
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((30, 6)), RNG.standard_normal(30)


def forecaster(**more: Any) -> RNNForecaster:
    return RNNForecaster(**{**SMALL, "time_steps": 6, **more})


@pytest.mark.slow  # some 50 checks, 7 seconds
@pytest.mark.parametrize("time_steps", [None, 1])
def test_the_regressor_passes_every_check_of_scikit_learn(time_steps: int | None) -> None:
    more = {"hidden_size": 8, "epochs": 40, "batch_size": 32, "learning_rate": 0.05}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)  # of what needs other settings or packages
        found = check_estimator(RNNRegressor(**{**SMALL, **more}, time_steps=time_steps), on_fail=None)
    assert [(one["check_name"], one["exception"]) for one in found if one["status"] in ("failed", "xfail")] == []


def test_windows_may_be_flat_or_have_three_dimensions() -> None:
    flat = RNNRegressor(**SMALL, time_steps=3).fit(X, Y)
    whole = RNNRegressor(**SMALL).fit(X.reshape(30, 3, 2), Y)
    np.testing.assert_array_equal(flat.predict(X), whole.predict(X.reshape(30, 3, 2)))
    np.testing.assert_array_equal(flat.predict(X.reshape(30, 3, 2).tolist()), whole.predict(X))
    assert (flat.model_.input_shape, flat.n_features_in_, flat.predict(X.astype("float32")).dtype) == ((3, 2), 6, "f8")


def test_several_targets_a_layer_of_ones_own_and_objects() -> None:
    stack = Sequential([LSTMLayer(3), GRULayer(2), LastStep()])
    net = RNNRegressor(stack, optimizer=Adam(0.02), loss="Huber", scaler="MinMaxScaler", epochs=2, random_state=1)
    same = clone(net).fit(X.astype("float32"), np.stack([Y, -Y], axis=1))
    assert (same.predict(X).shape, same.model_.dtype, stack.input_shape) == ((30, 2), np.float32, None)
    again = pickle.loads(pickle.dumps(same))
    np.testing.assert_array_equal(again.predict(X), same.predict(X))


def test_scales_and_training_know_nothing_of_the_examples_held_out() -> None:
    other_x, other_y = X.copy(), Y.copy()
    other_x[24:] *= 100
    other_y[24:] += 50
    one, two = (RNNRegressor(**SMALL, validation_fraction=0.2).fit(x, y) for x, y in ((X, Y), (other_x, other_y)))
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    assert one.history_[-1].validation_loss != two.history_[-1].validation_loss


def test_it_works_in_a_pipeline_and_a_grid_search() -> None:
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), RNNRegressor(**SMALL, time_steps=3)), {"rnnregressor__hidden_size": [2, 3]}, cv=2
    )
    assert search.fit(X, Y).best_params_["rnnregressor__hidden_size"] in (2, 3)
    assert search.predict(X).shape == (30,)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layer": "GRUlayer"}, "RNNRegressor: layer: .*unknown layer 'GRUlayer'; did you mean GRULayer"),
        ({"depth": 0}, "RNNRegressor: depth: expected `int` >= 1, got 0"),
        ({"time_steps": 4}, "time_steps: the 6 columns of X are not 4 rows of equally many"),
        ({"patience": 2}, "patience: needs a validation_fraction that holds out some"),
        ({"validation_fraction": 0.99}, "validation_fraction: leaves none of 30 examples"),
        ({"validation_fraction": 1.0}, "validation_fraction: expected `float` < 1.0, got 1.0"),
        ({"loss": "CrossEntropy"}, "loss: CrossEntropy is none of numbers"),
        ({"random_state": -1}, "random_state: expected `int` >= 0, got -1"),
        ({"loss": "GaussianNLL"}, "loss: GaussianNLL is none of numbers"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        RNNRegressor(**{**SMALL, **wrong}).fit(X, Y)


@pytest.mark.parametrize("leads", [1, 3, 8])
def test_a_forecast_is_the_model_fed_back_window_by_window(leads: int) -> None:
    covariate = np.cos(np.arange(128))
    net = forecaster(leads=leads).fit(WAVE, covariate[:120])
    for later in (None, covariate[120:]):
        rows = np.stack([WAVE, covariate[:120]], axis=1)
        while len(rows) < 128:
            y = net.model_(net.scale_.transform(rows[None, -6:]))[0] * net.scale_.range[0] + net.scale_.offset[0]
            for value in y:
                known = covariate[119] if later is None else covariate[min(len(rows), 127)]
                rows = np.concatenate([rows, [[value, known]]])
        np.testing.assert_allclose(net.predict(8, X=later), rows[120:128, 0], rtol=1e-12)


INDEXES = [
    pd.date_range("2020-03-28", periods=120, freq="h", tz="Europe/Berlin", name="time"),
    pd.date_range("2020-01-31", periods=120, freq="ME"),
    pd.period_range("2020-01", periods=120, freq="M", name="month"),
    pd.RangeIndex(10, 250, 2),
]


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: str(index.dtype))
def test_a_forecast_goes_on_with_the_index(index: Any) -> None:
    given = index[:110] if not isinstance(index, pd.DatetimeIndex) else pd.DatetimeIndex(list(index[:110]))
    found = forecaster().fit(pd.Series(WAVE[:110], given, name="pm")).predict(10)
    assert (found.name, found.index.tolist()) == ("pm", index[110:].tolist())
    table = forecaster().fit(pd.DataFrame({"pm": WAVE[:110]}, index[:110])).predict(10)
    assert (list(table.columns), table.index.name) == (["pm"], index.name)
    np.testing.assert_array_equal(table["pm"], found)


def test_a_forecaster_knows_nothing_of_the_rows_held_out_until_it_forecasts() -> None:
    other = WAVE.copy()
    other[90:] *= 10
    one, two = (forecaster(validation_fraction=0.25).fit(y) for y in (WAVE, other))
    np.testing.assert_array_equal(one.scale_.range, two.scale_.range)
    for name, value in one.model_.params.items():
        np.testing.assert_array_equal(value, two.model_.params[name])


def test_a_wave_is_forecast_and_scored_and_searched() -> None:
    series = pd.Series(WAVE, pd.date_range("2020", periods=120, freq="D"))
    net = forecaster(epochs=60, time_steps=12, leads=12, batch_size=16, validation_fraction=0.25, patience=20)
    assert net.fit(series[:108]).score(series[108:]) > 0.9
    splits = TimeSeriesSplit(2, test_size=12)
    assert cross_val_score(forecaster(), series, cv=splits).shape == (2,)
    assert GridSearchCV(forecaster(), {"leads": [1, 12]}, cv=splits).fit(series).best_params_["leads"] in (1, 12)
    again = pickle.loads(pickle.dumps(net))
    pd.testing.assert_series_equal(again.predict(3), net.predict(3))


def test_what_does_not_fit_a_forecaster_is_refused() -> None:
    series = pd.Series(WAVE, pd.date_range("2020", periods=120, freq="D"))
    for y, message in [
        (series.drop(series.index[50]), "the index of y is not evenly spaced"),
        (series[::-1], "the index of y is not evenly spaced"),
        (pd.Series(WAVE, [f"row {i}" for i in range(120)]), "expected times, periods or whole numbers"),
        (WAVE[:6], "6 rows to train on are too few: a window and its labels take 7"),
        (np.where(WAVE > 5.9, np.nan, WAVE), "y contains NaN"),
    ]:
        with pytest.raises(ValueError, match=message):
            forecaster().fit(y)
    with pytest.raises(DataError, match="X has another index than y"):
        forecaster().fit(series, series.shift(freq="D"))
    with pytest.raises(ConfigError, match="validation_fraction: 2 of 120 rows hold no window"):
        forecaster(validation_fraction=0.02).fit(WAVE)
    with pytest.raises(DataError, match="the values are too large"):
        forecaster().fit(WAVE * 1e200)
    with pytest.raises(DataError, match="X: it was fitted without other columns"):
        forecaster().fit(WAVE).predict(2, X=np.ones(2))
    net = forecaster().fit(series, series)
    with pytest.raises(DataError, match=r"X: expected shape \(2, 1\), got \(3, 1\)"):
        net.predict(2, X=np.ones(3))
    with pytest.raises(DataError, match="y: expected the index that follows y's, from 2020-04-30"):
        net.score(series[:5])


def test_without_scikit_learn_one_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import minidl; import minidl.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[-1] == "ImportError: minidl.sklearn needs scikit-learn: pip install scikit-learn"
