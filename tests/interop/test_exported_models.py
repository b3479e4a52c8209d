"""What a model computes, onnxruntime computes from its ONNX file: every cell, your own too, every layer with a form."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from minidl import (
    Bidirectional,
    Cell,
    ConfigError,
    Container,
    Dense,
    Dropout,
    Embedding,
    FastGRNNLayer,
    Gate,
    GRULayer,
    IdentityActivation,
    IndRNNLayer,
    JANETLayer,
    LastStep,
    Layer,
    LayerNorm,
    LeakyLayer,
    LSTMLayer,
    MaxOverTime,
    MeanOverTime,
    MGULayer,
    MinGRULayer,
    Parallel,
    RecurrentLayer,
    ReluActivation,
    Repeat,
    Residual,
    Rollout,
    SelectFeatures,
    Sequential,
    SigmoidActivation,
    SLSTMLayer,
    Softmax,
    StepsAhead,
    TanhActivation,
    sigmoid,
    softplus,
)
from minidl.core.errors import MissingPackageError
from minidl.core.initializers import zeros
from minidl.interop import to_onnx


class Everything(Cell):
    """All kinds of gates, two states, a vector, and every operation that equations may use."""

    gates = ("r", "u", Gate("a", of="kept"), Gate("q", of="copied"), Gate("s", recurrent=False), Gate("p", apart=True))
    states = ("h", "c")
    vectors: ClassVar = {"k": zeros}

    def kept(self, r: Any, h: Any) -> Any:
        return sigmoid(r) * h

    def copied(self, c: Any) -> Any:
        return c

    def equations(self, a: Any, q: Any, u: Any, s: Any, p_x: Any, p_h: Any, k: Any, h: Any, c: Any) -> tuple[Any, Any]:
        e = np.tanh(a + np.maximum(q, k)) * 0.5 + np.tanh(p_x * p_h + s) * sigmoid(u) + 0.2 * (p_x < p_h)
        f = np.expm1(-abs(a)) + np.log1p(e * e) + softplus(u) ** 1.5 - np.sqrt(1 + np.sin(c) ** 2)
        g = np.sign(e) * np.exp(-abs(c)) + np.where(u > 0, 0.1, e) + np.where(u, 0.1, 0.2)
        return e, h * np.cos(c) + f + g + np.log(2 + np.minimum(e, 1) ** 2) / (3 + abs(s))


class Diagonal(Everything):
    recurrent = "diagonal"


class InHeads(Everything):
    recurrent = "heads"

    def n_heads(self) -> int:
        return 2


CELLS = [
    *(RecurrentLayer(6), RecurrentLayer(6, activation=ReluActivation(), bias=False)),
    *(LSTMLayer(6), LSTMLayer(6, peepholes=True), LSTMLayer(6, learnable_start=True, recurrent_dropout=0.2)),
    *(GRULayer(6), GRULayer(6, reset_after=False), GRULayer(6, bias=False), MGULayer(6), JANETLayer(6), IndRNNLayer(6)),
    *(LeakyLayer(6), FastGRNNLayer(6), MinGRULayer(6), SLSTMLayer(6, heads=2)),
    *(Everything(6), Diagonal(6), InHeads(6)),
]
BOTH_WAYS = [Bidirectional(GRULayer(4)), Dropout(0.3), Residual(Bidirectional(LSTMLayer(8), merge="add"))]
SIDE_BY_SIDE = Parallel([Dense(4), RecurrentLayer(4), GRULayer(4)])
STACKS = {
    "both ways": Sequential([*BOTH_WAYS, LayerNorm(), Repeat(RecurrentLayer(8), times=2), MeanOverTime(), Softmax()]),
    "branches": Parallel(
        [Sequential([SelectFeatures([1, 0]), LastStep()]), Sequential([RecurrentLayer(2), MaxOverTime()])],
        merge="concat",
    ),
    "activations": Sequential([SIDE_BY_SIDE, SigmoidActivation(), IdentityActivation(), Dense(2), StepsAhead(2)]),
}


def compare(model: Container, shape: tuple[int | None, ...], dtype: str, file: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    rng = np.random.default_rng(1)
    model.build(shape, rng=3, dtype=dtype)
    for value in model.params.values():
        value += rng.normal(size=value.shape) * 0.3  # no weights that are alike
    to_onnx(model, file)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for batch, time in ((1, 2), (5, 7)):
        x = rng.normal(size=(batch, *(() if len(shape) == 1 else (time,)), shape[-1])).astype(dtype)
        x = abs(x.round()) % 5 if any(isinstance(layer, Embedding) for layer in model.children().values()) else x
        (found,) = session.run(["y"], {"x": x})
        assert found.dtype == dtype
        np.testing.assert_allclose(found, model(x), rtol=0, atol=3e-5 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_a_cell_computes_the_same(cell: Layer, dtype: str, tmp_path: Path) -> None:
    compare(Sequential([cell, Dense(2)]), (None, 3), dtype, tmp_path / "model.onnx")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", STACKS.values(), ids=STACKS)
def test_a_stack_computes_the_same(model: Container, dtype: str, tmp_path: Path) -> None:
    compare(model, (None, 3), dtype, tmp_path / "model.onnx")


def test_models_without_time_and_of_symbols_compute_the_same(tmp_path: Path) -> None:
    rows = Sequential([Dense(4), TanhActivation(), LayerNorm(), Dense(2), ReluActivation()])
    compare(rows, (3,), "float32", tmp_path / "rows.onnx")
    symbols = Sequential([Embedding(5, output_size=3), GRULayer(4), LastStep()])
    compare(symbols, (None, 2), "float32", tmp_path / "symbols.onnx")


class Odd(Layer):
    def forward(self, x: Any, ctx: Any = None) -> Any:
        return x, None

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy, {}


class Overridden(GRULayer):
    def forward(self, x: Any, ctx: Any = None) -> Any:
        return super().forward(2 * x)


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (Rollout(Sequential([RecurrentLayer(2), LastStep(), Dense(1)]), steps=2, target=0), "Rollout: a layer that is"),
        (Odd(), "Odd: a layer that is not exported to ONNX; those are: "),
        (Overridden(4), "Overridden: it computes something else than its equations"),
    ],
    ids=["Rollout", "a layer", "a forward of its own"],
)
def test_what_has_no_form_is_refused_and_nothing_is_written(layer: Layer, problem: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    model = Sequential([layer])
    model.build((8, 3), rng=0)
    with pytest.raises(ConfigError, match=problem):
        to_onnx(model, tmp_path / "model.onnx")
    assert not any(tmp_path.iterdir())


def test_a_model_that_was_not_built_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    with pytest.raises(ConfigError, match="Sequential: it was not built yet"):
        to_onnx(Sequential([Dense(1)]), tmp_path / "model.onnx")
    with pytest.raises(ConfigError, match="Dense: expected a container of layers, such as a Sequential"):
        to_onnx(Dense(1), tmp_path / "model.onnx")


def test_without_the_package_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    for name in [name for name in sys.modules if name.startswith("minidl.interop.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingPackageError, match=r"to_onnx needs the package onnx: pip install onnx$"):
        to_onnx(Sequential([Dense(1)]), tmp_path / "model.onnx")
