"""What truncated backpropagation cannot take, and numbers that break on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from long_series import F, S, X, Y, net, trainer

from minidl import (
    INFERENCE,
    Bidirectional,
    ConfigError,
    DataError,
    LastStep,
    Layer,
    LSTMLayer,
    NumericalError,
    RecurrentLayer,
    Residual,
    ShapeError,
)
from minidl.compiled.engines import time_steps
from minidl.core.layer import Array, Context
from minidl.data.windows import Windows
from minidl.fitting import run_training
from minidl.layers import MeanOverTime
from minidl.training import Arrays, Training


@dataclass(eq=False)
class Growing(Layer):
    """y = x; a state that overflows, which y does not show."""

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        return x, np.full((len(x), 1), 1e200 if ctx.state is None else ctx.state[0, 0] * 1e200)

    def backward(self, dy: Array, cache: Any) -> Any:
        return dy, {}

    def final_state(self, cache: Any) -> Any:
        return cache


@dataclass(eq=False)
class Odd(Growing):
    """A state that is no array."""

    def final_state(self, cache: Any) -> Any:
        return {"h": cache}


def test_a_state_that_overflows_ends_the_training_with_its_place() -> None:
    with pytest.raises(NumericalError, match=r"epoch 1, step 2: loss is .*; the state that layer 0 carries on has NaN"):
        trainer(net([Growing()]), bptt_steps=5).run(Arrays(X, Y))


def test_numbers_that_break_are_found_from_the_state_that_was_carried() -> None:
    model = net([RecurrentLayer(3)])
    going = trainer(model, bptt_steps=5)
    going.carried = (np.full((S, 3), np.nan), None)
    batch = Arrays(X[:, :5], Y[:, :5]).gather(slice(None))
    with pytest.raises(NumericalError, match=r"the output of layer 0 \(RecurrentLayer\) has NaN or Inf"):
        going.train_step(batch)


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        (
            [RecurrentLayer(3), LastStep()],
            "LastStep 1 leaves no output at every step, where training.bptt_steps learns",
        ),
        ([Residual(LSTMLayer(F)), MeanOverTime()], "MeanOverTime 1 leaves no output at every step"),
        ([Bidirectional(RecurrentLayer(3))], "Bidirectional 0 looks at later time steps, which"),
    ],
)
def test_a_model_without_an_output_at_every_step_is_refused(layers: Any, line: str) -> None:
    model = net(layers)
    before = model.params[f"{len(layers)}.W"].copy()
    with pytest.raises(ShapeError, match=line) as found:
        trainer(model, bptt_steps=5).run(Arrays(X, Y))
    assert found.value.path[0] == "layers"
    np.testing.assert_array_equal(model.params[f"{len(layers)}.W"], before)


def test_examples_that_are_no_long_series_are_refused() -> None:
    model = net([RecurrentLayer(3)])
    with pytest.raises(
        ShapeError, match=r"needs sequences .* with a target at every step; got x of shape \(3, 20, 2\)"
    ):
        trainer(model, bptt_steps=5).run(Arrays(X, Y[:, 0]))
    with pytest.raises(
        ConfigError, match="32 streams of a series of 20 rows have 0 rows each, fewer than bptt_steps, 5"
    ):
        trainer(model, bptt_steps=5, batch_size=96).run(Arrays(X, Y))
    holes = Windows(X[0], np.array([0, 1, 4]), 5, 0, every_step=True)
    with pytest.raises(DataError, match="do not begin at every row of one stretch"):
        trainer(model, bptt_steps=5).run(holes)
    with pytest.raises(ConfigError, match=r"final_state must return arrays .* got dict"):
        trainer(net([Odd()]), bptt_steps=5).run(Arrays(X, Y))


def test_streams_of_an_epoch_that_was_begun_otherwise_are_refused() -> None:
    calls = iter(range(1, 99))
    going = trainer(net([LSTMLayer(3)]), stop=lambda: next(calls) == 2, bptt_steps=6)
    going.run(Arrays(X, Y))
    going.carried = None
    with pytest.raises(ConfigError, match="begun with another batch_size or bptt_steps"):
        going.run(Arrays(X, Y))


def test_the_engine_counts_the_time_steps_of_streams() -> None:
    # 3 series of 20 steps as 3 streams: 20 time steps of all of them an epoch, too few to compile for.
    lines: list[str] = []
    run_training(trainer(net([LSTMLayer(3)]), bptt_steps=5, epochs=1), Arrays(X, Y), notify=lines.append)
    assert lines[0].startswith("engine: numpy: so short a training is done before the compiler is")
    source = Windows(np.zeros((1000, F)), np.arange(900), 50, 0, every_step=True)
    assert time_steps(source, Training(bptt_steps=10, batch_size=4)) == 949 / 4
