"""A stack fed one time step at a time, in constant time a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.layer import Array, Context, Layer
from minidl.workspace import Workspace


class Stream:
    """A model between two time steps: its state, and nothing else.

    ``stream(x_t)`` gives what the model would output if its window ended with
    this step: after T steps that is the output for the window of these T steps.

    Parameters
    ----------
    model : built; of layers that look at earlier steps only, as all of the
        library's do. Its weights are used as they are at each call.
    state : the state to go on from, as `state` gave it; None: zeros, as before
        the first step of a window.

    Attributes
    ----------
    state : as `Layer.final_state` gives it; it can be kept, saved and set.
    """

    def __init__(self, model: Layer, state: Any = None) -> None:
        self.model, self.state = model, state
        self._workspace = Workspace()

    def __call__(self, x: Array) -> Array:
        """The output after one more step, as a new array.

        Shapes: x (features,), y (outputs,); or for several sequences side by
        side x (batch, features), y (batch, outputs).
        """
        x = np.asarray(x)
        rows = x.reshape(-1, x.shape[-1])
        y, cache = self.model.forward(rows[:, None], Context(state=self.state, workspace=self._workspace))
        self.state = self.model.final_state(cache)
        return y.reshape(*x.shape[:-1], y.shape[-1]).copy()
