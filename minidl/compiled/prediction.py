"""What a predictor is, and the one by the layers' own forward."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from minidl.core.arrays import plain_array
from minidl.core.errors import ShapeError
from minidl.core.layer import Array, Context, Layer
from minidl.core.workspace import Workspace
from minidl.layers import Stream


class Predictor(Protocol):
    """Forecasts of a trained model.

    Attributes
    ----------
    engine : ``compiled``, or ``numpy: `` and the reason.
    """

    engine: str

    def __call__(self, x: Array) -> Array:
        """The output for one window (time, features) or a batch (batch, time, features), as a new array."""

    def stream(self, state: Any = None, batch: int = 1) -> Any:
        """Feed the model one time step at a time; see `minidl.layers.Stream`."""


class NumpyPredictor:
    """Forecasts by the layers' own forward; see `Predictor`."""

    def __init__(self, model: Layer, engine: str) -> None:
        self.model, self.engine = model, engine
        self._workspace = Workspace()

    def __call__(self, x: Any) -> Array:
        """The output for one window or a batch."""
        x = windows(x)
        y = np.array(self.model.forward(x if x.ndim == 3 else x[None], Context(workspace=self._workspace))[0])
        return y if x.ndim == 3 else y[0]

    def stream(self, state: Any = None, batch: int = 1) -> Stream:
        """As of the compiled predictor."""
        return Stream(self.model, state, batch)


def windows(x: Any) -> Array:
    """What is to be forecast, as an array of one window or several.

    Raises
    ------
    DataError
        It is no array of numbers.
    ShapeError
        It is neither (time, features) nor (batch, time, features).
    """
    found: Array = plain_array(x, "predictor: x")
    if found.ndim not in (2, 3):
        raise ShapeError(
            f"predictor: expected x of shape (time, features) or (batch, time, features), got {found.shape}."
        )
    return found
