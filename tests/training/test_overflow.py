"""Numbers that are too large or too small for the dtype end right or with an error, never in silence."""

from __future__ import annotations

import numpy as np
import pytest
from small import write_experiment

from minidl import MAE, MSE, SGD, Adam, ConfigError, Dense, HalfMSE, NumericalError, Optimizer, Sequential
from minidl.compiled.jit import numba_installed
from minidl.experiment import load_experiment
from minidl.optimizers import clip_global_norm
from minidl.randomness import Streams
from minidl.training import Arrays, Trainer, Training

NEEDS_NUMBA = pytest.mark.skipif(not numba_installed(), reason="needs numba")
ENGINES = ["numpy", pytest.param("compiled", marks=NEEDS_NUMBA)]


def trainer(engine="numpy", *, optimizer, dtype="float32", loss=None, **settings):
    """Of y = w x, with w = 1."""
    made = None
    if engine == "compiled":
        from minidl.compiled.engine import CompiledEngine

        made = CompiledEngine()
    model = Sequential([Dense(1, bias=False)])
    model.build((1, 1), 0, dtype)
    model.params["0.W"][...] = 1
    settings = Training(**{"epochs": 1, "batch_size": 4, **settings})
    streams = Streams.from_seed(0)
    return Trainer(model, loss=loss or HalfMSE(), optimizer=optimizer, settings=settings, streams=streams, engine=made)


def examples(x, y, n=4):
    return Arrays(np.full((n, 1, 1), x, "f8"), np.full((n, 1, 1), y, "f8"))


@pytest.mark.parametrize("engine", ENGINES)
def test_adam_says_that_its_second_moment_overflows(engine):
    # The gradient is (y - t) x = 1e18: its square is a float32, the sum of a thousand of them is not.
    one = trainer(engine, optimizer=Adam(1e-3), epochs=1000)
    with pytest.raises(NumericalError, match=r"epoch \d+, step \d+: .*the optimizer's v has 1 of 1 values NaN or Inf"):
        one.run(examples(1.0, -1e18))
    assert 300 < one.step < 500


def test_adam_alone_says_it_too():
    params, state = np.ones(2, "f4"), Adam().start(np.ones(2, "f4"))

    def steps():
        for _ in range(1000):
            Adam().update(params, np.array([1e18, 1], "f4"), state)

    with np.errstate(over="ignore"), pytest.raises(NumericalError, match="v, the mean of squared gradients"):
        steps()
    assert np.isfinite(params).all()


class Forgetful(Optimizer):
    """A user's: it keeps a sum of squares that nobody looks at, and divides by its root."""

    def start(self, params):
        return {"sum": np.zeros_like(params)}

    def update(self, params, grads, state):
        state["sum"] += grads * grads
        params -= self.learning_rate * grads / np.sqrt(state["sum"])


def test_a_users_optimizer_whose_memory_overflows_is_stopped():
    with pytest.raises(NumericalError, match="the optimizer's sum has 1 of 1 values NaN or Inf"):
        trainer(optimizer=Forgetful(1.0), epochs=1000).run(examples(1.0, -1e18))


@pytest.mark.parametrize(
    ("engine", "loss", "value"),
    [
        ("numpy", HalfMSE(), 0.5e40),
        ("numpy", MSE(), 1e40),
        ("numpy", MAE(), 1e20),
        pytest.param("compiled", HalfMSE(), 0.5e40, marks=NEEDS_NUMBA),
        pytest.param("compiled", MSE(), 1e40, marks=[NEEDS_NUMBA, pytest.mark.slow]),
        pytest.param("compiled", MAE(), 1e20, marks=[NEEDS_NUMBA, pytest.mark.slow]),
    ],
    ids=repr,
)
def test_losses_whose_squares_overflow_are_right_and_the_step_goes_on_where_the_gradient_can_be_clipped(
    engine, loss, value
):
    one = trainer(engine, optimizer=SGD(1.0), loss=loss, clip_norm=0.25)
    (record,) = one.run(examples(1.0, -1e20))
    assert record.train_loss == pytest.approx(value, rel=1e-6)
    assert one.parameters.values.tolist() == pytest.approx([0.75], rel=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_norm_that_overflows_does_no_harm_where_each_number_is_clipped(engine):
    one = trainer(engine, optimizer=SGD(1.0), clip_value=0.25)
    one.run(examples(1.0, -1e20))
    assert one.parameters.values.tolist() == [0.75]


@pytest.mark.parametrize("engine", ENGINES)
def test_without_clipping_a_norm_that_overflows_is_an_error(engine):
    with pytest.raises(NumericalError, match="the gradient's norm overflows"):
        trainer(engine, optimizer=SGD(1.0)).run(examples(1.0, -1e20))


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_whose_squares_vanish_are_clipped_all_the_same(engine):
    # |g| = 1e-25: its square is 0 in float32.
    one = trainer(engine, optimizer=SGD(1e9), clip_norm=1e-30)
    one.run(examples(1e-25, -1.0))
    assert one.parameters.values.tolist() == [1.0]
    one = trainer(engine, optimizer=SGD(1e9), clip_norm=1e-9)
    one.run(examples(1e-10, -1e10))
    assert one.parameters.values.tolist() == pytest.approx([0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float32", size) for size in (1e-25, 1e-12, 1.0, 1e20, 1e38)]
    + [("float64", size) for size in (1e-300, 1e-40, 1.0, 1e200, 1e300)],
)
@pytest.mark.parametrize("limit", [1e-30, 1.0])
def test_clipping_is_right_for_gradients_of_any_size(dtype, size, limit):
    grads = np.array([3, -4], dtype) * np.array(size / 5, dtype)
    before = grads.astype(np.longdouble)
    norm = clip_global_norm(grads, limit)
    assert norm == pytest.approx(size, rel=1e-6)
    expected = before * (limit / norm) if size > limit else before
    np.testing.assert_allclose(grads, expected.astype(float), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"optimizer": Adam(epsilon=1e-46)}, "Adam: epsilon: 1e-46 is 0 in float32; expected `float` > 0.0, got 0.0"),
        ({"optimizer": Adam(beta2=1 - 1e-9)}, "Adam: beta2: 1 is 1 in float32; expected `float` < 1.0, got 1.0"),
        ({"optimizer": SGD(1e-50)}, "SGD: learning_rate: 1e-50 is 0 in float32"),
        ({"optimizer": SGD(0.1), "clip_norm": 1e-46}, "Training: clip_norm: 1e-46 is 0 in float32"),
    ],
)
def test_an_argument_that_is_out_of_bounds_in_the_dtype_is_refused(arguments, name):
    trainer(dtype="float64", **arguments)
    with pytest.raises(ConfigError) as caught:
        trainer(**arguments)
    assert str(caught.value).startswith(name)


def test_a_config_says_so_with_the_place(tmp_path):
    config = write_experiment(tmp_path)
    load_experiment(config, ["optimizer={type: Adam, epsilon: 1e-46}"])
    with pytest.raises(ConfigError) as caught:
        load_experiment(config, ["dtype=float32", "optimizer={type: Adam, epsilon: 1e-46}"])
    assert "optimizer.epsilon: 1e-46 is 0 in float32; expected `float` > 0.0, got 0.0" in str(caught.value)


def test_a_loss_that_is_no_number_any_more_in_double_precision_is_an_error():
    with pytest.raises(NumericalError):
        trainer(optimizer=SGD(1.0), dtype="float64", clip_norm=1.0).run(examples(1.0, -1e200))
