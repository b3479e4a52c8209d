"""What a predictor is, and the one by the layers' own forward."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from minidl.core.arrays import plain_array
from minidl.core.errors import ShapeError
from minidl.core.layer import Array, Context, Layer
from minidl.core.lengths import checked_lengths, longest_first, without_padding
from minidl.core.workspace import Workspace
from minidl.layers import Stream


class Predictor(Protocol):
    """Forecasts of a trained model.

    Attributes
    ----------
    engine : ``compiled``, or ``numpy: `` and the reason.
    """

    engine: str

    def __call__(self, x: Array, lengths: Array | None = None) -> Array:
        """The output for one window (time, features) or a batch (batch, time, features), as a new array.

        `lengths`: time steps of each sequence of a batch, in any order; what stands after them in x may be
        anything, and is 0 in outputs at every step. None: all are whole.
        """

    def stream(self, state: Any = None, batch: int = 1) -> Any:
        """Feed the model one time step at a time; see `minidl.layers.Stream`."""


class NumpyPredictor:
    """Forecasts by the layers' own forward; see `Predictor`."""

    def __init__(self, model: Layer, engine: str) -> None:
        self.model = model
        self.engine = engine
        self._workspace = Workspace()

    def __repr__(self) -> str:
        return f"NumpyPredictor({self.model!r})"

    def __call__(self, x: Any, lengths: Any = None) -> Array:
        """The output for one window or a batch."""
        x = windows(x)
        found = padded_lengths(lengths, x)
        if found is not None:
            return self._ragged(x, found)
        y = np.array(self.model.forward(x if x.ndim == 3 else x[None], Context(workspace=self._workspace))[0])
        return y if x.ndim == 3 else y[0]

    def _ragged(self, x: Array, lengths: Array) -> Array:
        x, lengths, places = longest_first(x, lengths)
        y = self.model.forward(x, Context(workspace=self._workspace, lengths=lengths))[0]
        result: Array = without_padding(y, self.model.output_lengths(lengths))[places]
        return result

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


def padded_lengths(lengths: Any, x: Array) -> Array | None:
    """Lengths of the sequences of a batch; None: none has padding.

    Raises
    ------
    DataError, ShapeError
        They are none of such a batch.
    """
    return checked_lengths(lengths, x) if lengths is not None and x.size else None
