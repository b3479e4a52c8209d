"""NaN and Inf, injected at each place, stop the training in the step that meets them.

Steps 1 to 3 are the first epoch's, of batches of 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from small_trainings import Diary, F, T, examples, stack, trainer

from minidl import INFERENCE, SGD, Dense, LastStep, Layer, NumericalError, Optimizer, RecurrentLayer, Sequential
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.training import Arrays, Trainer


@dataclass(eq=False)
class BreaksAtStep(Layer):
    """y = x; NaN in the output or in dL/dx of training step `step`."""

    step: int = 2
    where: str = "output"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.calls: list[int] = []

    def _spoil(self, x: Array, broken: bool) -> Array:
        x = x.copy()
        if broken:
            x[0] = np.nan
        return x

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        if ctx.training:
            self.calls.append(1)
        return self._spoil(x, self.where == "output" and len(self.calls) >= self.step), None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return self._spoil(dy, self.where == "gradient" and len(self.calls) >= self.step), {}


def refused(model: Layer, x: Array, y: Array, **settings: Any) -> tuple[str, Trainer, Diary]:
    made, diary = trainer(model, **settings), Diary()
    with pytest.raises(NumericalError) as caught:
        made.run(Arrays(x, y), callbacks=[diary])
    assert "end" not in diary.events[-1]  # nobody is told that training ended well
    return str(caught.value), made, diary


class OnlyGathered:
    """A source of a user's own: nobody can look at all of it before the first step."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: Any) -> Batch:
        return Batch(self.x[indices], self.y[indices])


def test_nan_in_the_data_stops_in_the_step_that_meets_it_and_its_place_is_named() -> None:
    x, y = (part.copy() for part in examples())
    x[9, 2, 1] = np.nan
    made, diary = trainer(stack()), Diary()
    with pytest.raises(NumericalError) as caught:
        made.run(OnlyGathered(x, y), callbacks=[diary])
    message = str(caught.value)
    assert re.match(
        r"epoch 1, step [123]: loss is nan; the inputs \(x\) have NaN at \[9, 2, 1\]; training takes", message
    )
    assert "learning_rate" not in message
    assert diary.events == ["start at step 0"]
    assert all(np.isfinite(value).all() for value in made.model.params.values())


def test_inf_in_the_targets_stops_in_the_step_that_meets_it() -> None:
    x, y = (part.copy() for part in examples())
    y[5] = np.inf
    made = trainer(stack(), shuffle=False)
    with pytest.raises(
        NumericalError, match=r"^epoch 1, step 2: loss is inf; the targets \(y\) have inf at \[5, 0\]; "
    ):
        made.run(OnlyGathered(x, y))
    assert made.step == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("name", "layer"),
    [("0.W_xh", "RecurrentLayer"), ("0.W_hh", "RecurrentLayer"), ("2.W", "Dense")],
)
def test_broken_weights_stop_in_the_first_step_with_layer_and_parameter(name: str, layer: str, value: float) -> None:
    model = stack()
    model.params[name][0, 0] = value
    count = model.params[name].size
    message, made, _ = refused(model, *examples())
    assert message.startswith("epoch 1, step 1: ")
    assert f"; parameter {name} ({layer}) has 1 of {count} values NaN or Inf." in message
    assert made.step == 0


def test_nan_from_a_users_layer_names_the_layer() -> None:
    model = Sequential([RecurrentLayer(3), BreaksAtStep(5), LastStep(), Dense(1)])
    model.build((T, F), 0, "float64")
    message, made, diary = refused(model, *examples())
    assert message.startswith("epoch 2, step 5: loss is nan; the output of layer 1 (BreaksAtStep) has NaN or Inf.")
    assert made.step == 4
    assert diary.events == ["start at step 0", "epoch 1 at step 3"]


def test_nan_inside_a_container_names_the_inner_layer() -> None:
    model = Sequential([Sequential([RecurrentLayer(3), BreaksAtStep(1)]), LastStep(), Dense(1)])
    model.build((T, F), 0, "float64")
    assert "; the output of layer 0.1 (BreaksAtStep) has NaN" in refused(model, *examples())[0]


def test_nan_in_a_gradient_names_the_first_parameter_that_got_it() -> None:
    model = Sequential([RecurrentLayer(3), BreaksAtStep(2, where="gradient"), LastStep(), Dense(1)])
    model.build((T, F), 0, "float64")
    message, made, _ = refused(model, *examples())
    assert message.startswith("epoch 1, step 2: loss is ")
    assert "; gradient of 0.W_xh (RecurrentLayer) has 6 of 6 values NaN or Inf." in message
    assert made.step == 1
    assert all(np.isfinite(value).all() for value in made.model.params.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_exploding_learning_rate_stops_and_the_hint_says_what_to_do(dtype: str) -> None:
    model = Sequential([Dense(2), LastStep(), Dense(1)])
    model.build((T, F), 0, dtype)
    x, y = (part.astype(dtype) for part in examples())
    message, made, _ = refused(model, x, y, optimizer=SGD(1e4), epochs=200)
    assert message.endswith("Try a smaller optimizer.learning_rate or training.clip_norm.")
    assert message.startswith(f"epoch {made.epoch + 1}, step {made.step + 1}: loss is ")


@dataclass(eq=False)
class Overflowing(Optimizer):
    """Weights become infinite in the very last step of the first epoch."""

    learning_rate: float = 1.0

    def start(self, params: Array) -> dict[str, Array]:
        return {"t": np.zeros(1)}

    def update(self, params: Array, grads: Array, state: dict[str, Array]) -> None:
        state["t"] += 1
        if state["t"][0] == 3:
            params[-1] = np.inf


def test_weights_that_break_in_the_last_step_of_an_epoch_are_not_logged_or_saved() -> None:
    message, _, diary = refused(stack(), *examples(), optimizer=Overflowing(), epochs=1)
    assert message.startswith("epoch 1, step 3: ")
    assert "; parameter 2.b (Dense) has 1 of 1 values NaN or Inf." in message
    assert diary.events == ["start at step 0"]
