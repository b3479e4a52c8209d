"""A stack fed one time step at a time, in constant time a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.arrays import plain_array
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import Array, Context, Layer
from minidl.core.walk import walk
from minidl.core.workspace import Workspace


class Stream:
    """A model between two time steps: its state, and nothing else.

    ``stream(x_t)`` gives what the model would output if its window ended with
    this step: after T steps that is the output for the window of these T steps.

    Parameters
    ----------
    model : built; of layers that look at earlier steps only (`Layer.causal`).
        Its weights are used as they are at each call.
    state : the state to go on from, as `state` gave it; None: zeros, as before
        the first step of a window.
    batch : how many sequences there are side by side; None: as many as in the first step.

    Attributes
    ----------
    state : as `Layer.final_state` gives it; it can be kept, saved and set.

    Raises
    ------
    ConfigError
        A layer looks at later steps too.
    """

    def __init__(self, model: Layer, state: Any = None, batch: int | None = None) -> None:
        check_causal(model)
        self.model = model
        self.state: Any = state
        self.batch = batch
        self._workspace = Workspace()

    def __repr__(self) -> str:
        return f"Stream({self.model!r})"

    def __call__(self, x: Any) -> Array:
        """The output after one more step, as a new array.

        Shapes: x (features,), y (outputs,); or for several sequences side by
        side x (batch, features), y (batch, outputs).

        Raises
        ------
        ShapeError, DataError
            `x` is no step of so many sequences, or the layers cannot take it.
        """
        x = time_step(x, self.batch)
        rows = np.atleast_2d(x)
        y, cache = self.model.forward(rows[:, None], Context(state=self.state, workspace=self._workspace))
        self.state, self.batch = self.model.final_state(cache), len(rows)
        return y.reshape(*x.shape[:-1], y.shape[-1]).copy()


def check_causal(model: Layer) -> None:
    """Refuse a model that cannot be fed one time step at a time.

    Raises
    ------
    ConfigError
        A layer looks at later steps too.
    """
    for path, layer in walk(model):
        if not layer.causal:
            name = f"{type(layer).__name__} {path}".rstrip()
            raise ConfigError(f"stream: {name} looks at later time steps; the model needs whole sequences.")


def time_step(x: Any, batch: int | None) -> Array:
    """One time step of `batch` sequences (None: of any number), as an array.

    Raises
    ------
    ShapeError, DataError
        It is not (features,) or (batch, features), or no numbers.
    """
    step: Array = plain_array(x, "stream: x")
    rows = {1: 1, 2: len(step)}.get(step.ndim) if step.ndim else None
    if rows is None or batch not in (None, rows):
        one = "(features,) or " if batch in (None, 1) else ""
        raise ShapeError(f"stream: expected x of shape {one}({batch or 'batch'}, features), got {step.shape}.")
    return step
