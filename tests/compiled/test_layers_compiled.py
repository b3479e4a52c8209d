"""Layers around cells, each alone in compiled code: as in NumPy, step by step and for sequences of different length."""

from __future__ import annotations

import re

import numpy as np
import pytest
from both_engines import difference
from uneven import end_of, padded

from minidl import SGD, Dense, Embedding, HalfMSE, Layer, LayerNorm, MaxOverTime, MeanOverTime, Sequential, Softmax
from minidl.compiled import predictor
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernels import layer_norm, over_time
from minidl.compiled.prediction import NumpyPredictor
from minidl.layers import Stream
from minidl.training import Arrays

N, T, F = 40, 7, 3
LAYERS = [MeanOverTime(), MaxOverTime(), LayerNorm(epsilon=1e-3), Softmax(), Embedding(6, output_size=3)]
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

# Each compiles code of its own. In the normal run they stand in stacks of other tests, all together.
slow = pytest.mark.slow
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
both_dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


def made(layer: Layer, dtype: str) -> Sequential:
    model = Sequential([*([] if isinstance(layer, Embedding) else [Dense(4)]), layer, Dense(2)])
    model.build((T, F), 5, dtype)
    return model


def drawn(model: Sequential, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = model.example_input((N, T, F), rng)
    x = x if x.dtype.kind == "i" else x.astype(dtype)
    return x, rng.normal(size=model(x).shape).astype(dtype)


def ends(model: Sequential, source: Arrays) -> list[np.ndarray]:
    """Parameters after a training in each engine."""
    engines = None, CompiledEngine()
    return [end_of(model, source, HalfMSE(), engine, batch_size=11, optimizer=SGD(0.1))[0] for engine in engines]


@slow
@every_layer
@both_dtypes
def test_a_layer_trains_and_predicts_as_in_numpy(layer: Layer, dtype: str) -> None:
    model = made(layer, dtype)
    x, y = drawn(model, dtype)
    expected, found = ends(model, Arrays(x, y))
    assert difference(found, expected) < TOLERANCE[dtype]
    predict = predictor(model)
    assert predict.engine == "compiled"
    np.testing.assert_allclose(predict(x), model(x), rtol=0, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(predict(x[0]), model(x)[0], rtol=0, atol=TOLERANCE[dtype])


@slow
@every_layer
def test_a_stream_goes_on_from_a_state_of_either_engine(layer: Layer) -> None:
    model = made(layer, "float64")
    x, _ = drawn(model, "float64")
    ours, other = predictor(model).stream(batch=5), Stream(model, None, 5)
    for t in range(4):
        np.testing.assert_allclose(ours(x[:5, t]), other(x[:5, t]), rtol=0, atol=1e-12)
    crossed = predictor(model).stream(other.state, batch=5), Stream(model, ours.state, 5)
    for t in range(4, T):
        expected = other(x[:5, t])
        for stream in crossed:
            np.testing.assert_allclose(stream(x[:5, t]), expected, rtol=0, atol=1e-12)


@slow
@every_layer
@both_dtypes
def test_sequences_of_different_length_are_as_in_numpy_whatever_is_in_the_padding(layer: Layer, dtype: str) -> None:
    model = made(layer, dtype)
    x, y = drawn(model, dtype)
    lengths = np.random.default_rng(4).integers(1, T + 1, size=N)
    results = []
    for filling in (0.0, np.nan, 1e300 if dtype == "float64" else 1e38):
        there = padded(x, lengths, filling)
        target = padded(y, lengths, filling) if y.ndim == 3 else y
        expected, found = ends(model, Arrays(there, target, lengths))
        assert difference(found, expected) < TOLERANCE[dtype]
        predicted = predictor(model)(there, lengths)
        same = NumpyPredictor(model, "numpy")(there, lengths)
        np.testing.assert_allclose(predicted, same, rtol=0, atol=TOLERANCE[dtype])
        results.append(found.tobytes() + predicted.tobytes())
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("function", "gains", "operations"),
    [
        (over_time.mean_forward, 0, ("add", "div")),
        (over_time.mean_backward, 0, ("div",)),
        (layer_norm.layer_norm(LayerNorm()).forward, 2, ("add", "sub", "mul", "div", "sqrt")),
        (layer_norm.layer_norm(LayerNorm()).backward, 4, ("add", "mul", "div")),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_instructions_work_on_vectors(function, gains, operations) -> None:
    there = 2 if function.__name__.endswith("forward") else 4
    arrays = [np.ones((3, 5, 64), "float32") for _ in range(there)]
    function(*arrays, np.ones(5000, "float32"), *(np.ones(5, "float32") for _ in range(gains)))
    single = [code for kinds, code in function.inspect_asm().items() if "float32" in str(kinds)]
    for operation in operations:
        packed = rf"\bv?{operation}ps\b|\bf{operation}\s+v\d+\.4s"
        assert all(re.search(packed, machine) for machine in single), f"no vectors in {operation}"
    assert single
