"""Statistics of parameters and gradients, and shares of saturated units, beside plain computations."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    ConfigError,
    Dense,
    Dropout,
    GRULayer,
    HalfMSE,
    LastStep,
    Layer,
    LSTMLayer,
    ParameterStatistics,
    RecurrentLayer,
    Saturation,
    Sequential,
    SigmoidActivation,
    fit,
)
from minidl.core.layer import Array
from minidl.core.lengths import inside
from minidl.core.walk import walk
from minidl.training import Arrays
from minidl.training.callbacks.table import start_table
from minidl.training.looking import FirstBatch

rng = np.random.default_rng(3)
X = rng.standard_normal((12, 5, 2))
Y = rng.standard_normal((12, 5, 1))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(name: str) -> list[dict[str, str]]:
    with open(name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def trained(layers: list[Layer], *callbacks: Any, epochs: int = 1, **more: Any) -> Sequential:
    model = Sequential(layers)
    model.build((5, 2), np.random.default_rng(1), "float64")
    for value in model.params.values():
        value *= 4  # so that something is saturated
    fit(
        model, X, Y, loss=HalfMSE(), optimizer=SGD(0.01), epochs=epochs, batch_size=8, callbacks=list(callbacks), **more
    )
    return model


def test_weights_and_gradients_are_described_after_each_epoch() -> None:
    # Caught here: the gradient of the last step, or one with dropout, or one that is clipped.
    model = trained([Dropout(0.5), Dense(1)], ParameterStatistics(), epochs=3, clip_norm=1e-3)
    rows = table("parameters.csv")
    assert [(row["epoch"], row["parameter"]) for row in rows] == [(e, p) for e in "123" for p in ("1.W", "1.b")]
    x, y = X[:8].reshape(-1, 2), Y[:8].reshape(-1, 1)
    W, b = model.params["1.W"], model.params["1.b"]
    e = x @ W + b - y
    for row, *arrays in ((rows[4], W, x.T @ e / len(x)), (rows[5], b, e.mean(axis=0))):
        for what, array in zip(("weight", "gradient"), arrays, strict=True):
            expected = {"mean": array.mean(), "std": array.std(), "max": abs(array).max()}
            expected["norm"] = math.sqrt((array**2).sum())
            for name, value in expected.items():
                assert float(row[f"{what}_{name}"]) == pytest.approx(value, rel=1e-12, abs=1e-15), (what, name)


def shares(values: Array, low: float, high: float, real: Array | None = None) -> dict[str, float]:
    """Counted one by one; values (batch, time, units)."""
    n = below = above = 0
    whole = [True] * values.shape[2]
    for i, t, k in np.ndindex(values.shape):
        if real is None or real[i, t]:
            v, n = values[i, t, k], n + 1
            left, right = v < low + 0.1 * (high - low), v > high - 0.1 * (high - low)
            below, above = below + left, above + right
            whole[k] &= bool(left or right)
    return {"low": below / n, "high": above / n, "units": sum(whole) / len(whole)}


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def lstm(x: Array, params: dict[str, Array]) -> dict[str, Array]:
    """All that an LSTM puts through tanh and sigmoids."""
    W_x, W_h, b = params["0.W_x"], params["0.W_h"], params["0.b"]
    H = len(W_h)
    h = c = np.zeros((len(x), H))
    made: dict[str, list[Array]] = {}
    for t in range(x.shape[1]):
        i, o, f, g = np.split(x[:, t] @ W_x + h @ W_h + b, 4, axis=1)
        found = {"sigmoid(i)": sigmoid(i), "sigmoid(o)": sigmoid(o), "sigmoid(f)": sigmoid(f), "tanh(g)": np.tanh(g)}
        c = found["sigmoid(f)"] * c + found["sigmoid(i)"] * found["tanh(g)"]
        found["tanh(c)"] = np.tanh(c)
        h = found["sigmoid(o)"] * found["tanh(c)"]
        for name, values in found.items():
            made.setdefault(name, []).append(values)
    return {name: np.stack(values, axis=1) for name, values in made.items()}


def compare(rows: list[dict[str, str]], values: dict[str, Array], real: Array | None = None) -> None:
    assert {row["values"] for row in rows} == set(values)
    for row in rows:
        low = 0.0 if row["values"].startswith("sigmoid") else -1.0
        expected = shares(values[row["values"]], low, 1.0, real)
        assert {key: float(row[key]) for key in expected} == pytest.approx(expected, abs=1e-12), row["values"]


def test_each_gate_of_a_cell_has_its_shares() -> None:
    model = trained([LSTMLayer(3), Dense(1)], Saturation(0.1))
    values = lstm(X[:8], model.params)
    assert any(shares(v, -1.0, 1.0)["high"] > 0 for v in values.values())
    compare(table("saturation.csv"), values)


@pytest.mark.parametrize("first", [RecurrentLayer(3), LSTMLayer(3)], ids=["elman", "lstm"])
def test_padding_does_not_count(first: Layer) -> None:
    lengths = np.array([5, 4, 1, 3, 2, 5, 2, 1, 4, 4, 1, 2])
    model = trained([first, Dense(1)], Saturation(0.1), lengths=lengths)
    if isinstance(first, LSTMLayer):
        values = lstm(X[:8], model.params)
    else:
        values = {"h": first(X[:8])}
    compare(table("saturation.csv"), values, inside(lengths[:8], 5))


def test_layers_have_their_paths_and_a_layer_of_its_own_its_output() -> None:
    trained([GRULayer(2), Dense(3), SigmoidActivation(), Dense(1)], Saturation(), epochs=2)
    rows = table("saturation.csv")
    names = [("0", "sigmoid(r)"), ("0", "sigmoid(z)"), ("0", "tanh(n)"), ("2", "y")]
    assert [(row["epoch"], row["layer"], row["values"]) for row in rows] == [(e, *name) for e in "12" for name in names]


def test_every_few_epochs_are_enough() -> None:
    trained([RecurrentLayer(2), Dense(1)], Saturation(every=3, filename="few.csv"), epochs=7)
    assert [row["epoch"] for row in table("few.csv")] == ["3", "6"]


def test_a_look_changes_nothing_of_the_training() -> None:
    plain = trained([LSTMLayer(3), Dropout(0.3), Dense(1)], epochs=3)
    watched = trained([LSTMLayer(3), Dropout(0.3), Dense(1)], ParameterStatistics(), Saturation(), epochs=3)
    for name, value in plain.params.items():
        assert value.tobytes() == watched.params[name].tobytes()


def test_a_training_that_goes_on_leaves_the_rows_of_the_epochs_that_are_done(tmp_path: Path) -> None:
    # Caught here: rows of epochs after the checkpoint, and one that was being written when the process was killed.
    path = tmp_path / "table.csv"
    for epoch, left in ((2, b"epoch,a\n1,5\n2,6\n"), (0, b""), (4, b"epoch,a\n1,5\n2,6\n3,7\n")):
        path.write_bytes(b"epoch,a\n1,5\n2,6\nx,0\n3,7\n4,")
        start_table(path, epoch)
        assert path.read_bytes() == left
    path.write_bytes(b"epoch,")  # a head that was not written to its end
    start_table(path, 3)
    assert path.read_bytes() == b""
    path.unlink()
    start_table(path, 3)
    assert path.read_bytes() == b""


def test_a_training_from_the_start_replaces_the_file_of_the_one_before() -> None:
    for epochs in (3, 2):
        trained([RecurrentLayer(2), Dense(1)], ParameterStatistics(), Saturation(), epochs=epochs)
    assert [row["epoch"] for row in table("parameters.csv")] == ["1"] * 5 + ["2"] * 5
    assert [row["epoch"] for row in table("saturation.csv")] == ["1", "2"]


def test_a_margin_is_less_than_half_of_the_range() -> None:
    with pytest.raises(ConfigError, match=r"^Saturation: margin: expected `float` < 0\.5, got 0\.5$"):
        Saturation(0.5)


@pytest.mark.parametrize("callback", [ParameterStatistics, Saturation])
@pytest.mark.parametrize("filename", ["a.txt", "b/a.csv", "..\\a.csv"])
def test_the_file_is_one_of_the_folder(callback: type, filename: str) -> None:
    with pytest.raises(ConfigError, match=rf"{callback.__name__}: filename: expected a name that ends in .csv"):
        callback(filename=filename)


def test_a_value_at_the_margin_itself_is_not_saturated() -> None:
    # Within a quarter of the range from an end: below -0.5 and above 0.5.
    values = np.array([[-0.5, 0.5, -0.75], [-0.625, 0.75, 0.0]])
    trainer: Any = SimpleNamespace(first_batch=SimpleNamespace(bounded=lambda: {("0", "h"): (values, -1.0, 1.0)}))
    (row,) = Saturation(0.25).rows(trainer)
    assert row == {"layer": "0", "values": "h", "low": 2 / 6, "high": 1 / 6, "units": 0.0}


@pytest.mark.parametrize("look", [Saturation, ParameterStatistics])
def test_looks_that_cannot_be_are_refused_in_python_too(look: Any) -> None:
    with pytest.raises(ConfigError, match=r"every: expected `int` >= 1, got 0"):
        look(every=0)


def test_gradients_of_sequences_of_different_length_are_those_of_each_alone() -> None:
    # Caught here: lengths that the look forgets, so that a state goes on through the padding.
    lengths = np.array([2, 5, 1, 4, 5, 3, 2, 5, 1, 1, 1, 1])
    x = np.where(inside(lengths, 5)[..., None], X, np.nan)
    model = Sequential([GRULayer(3), LastStep(), Dense(1)])
    model.build((None, 2), 1, "float64")
    seen = FirstBatch(model, HalfMSE(), Arrays(x, Y[:, 0], lengths), 8).gradients()
    each = []
    for k in range(8):
        y, cache = model.forward(X[k : k + 1, : lengths[k]])
        each.append(model.backward((y - Y[k : k + 1, 0]) / 8, cache)[1])
    for name, gradient in seen.items():
        np.testing.assert_allclose(gradient, sum(grads[name] for grads in each), rtol=1e-10, atol=1e-15)


def test_a_look_leaves_the_model_as_it_is() -> None:
    # Caught here: layers that are watched from then on, and keep what goes through them.
    model = Sequential([RecurrentLayer(3), Dense(1)])
    model.build((5, 2), 1, "float64")
    before = [dict(vars(layer)) for _, layer in walk(model)]
    look = FirstBatch(model, HalfMSE(), Arrays(X, Y), 8)
    assert look.bounded()
    assert look.gradients()
    assert [dict(vars(layer)) for _, layer in walk(model)] == before
