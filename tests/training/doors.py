"""Models, arrays and containers that come to the Python door, and what is left if they are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import SGD, Dense, HalfMSE, LastStep, Layer, MinidlError, RecurrentLayer, Sequential, TanhActivation, fit
from minidl.core.layer import Array

N = 12
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 5, 3)), RNG.normal(size=(N, 1))
ROWS = RNG.normal(size=(N, 3))  # examples without a time axis


def net(*, built: bool = True, dtype: str = "float64") -> Sequential:
    model = Sequential([RecurrentLayer(4), LastStep(), Dense(1)])
    if built:
        model.build((5, 3), 0, dtype)
    return model


def dense(*, built: bool = True) -> Sequential:
    model = Sequential([Dense(3), TanhActivation(), Dense(1)])
    if built:
        model.build((3,), 0, "float64")
    return model


def weights(model: Layer) -> bytes:
    return b"".join(value.tobytes() for value in model.params.values())


def trained(model: Layer, x: Any, y: Any, **more: Any) -> bytes:
    """The weights after a training."""
    fit(model, x, y, **{"loss": HalfMSE(), "optimizer": SGD(0.05), "batch_size": 5, "epochs": 2, **more})
    return weights(model)


def refused(model: Layer, x: Any, y: Any, error: type[MinidlError], message: str, **more: Any) -> None:
    """One line, and no step taken."""
    before = weights(model)
    with pytest.raises(error, match=message) as caught:
        trained(model, x, y, **more)
    assert weights(model) == before
    assert len(str(caught.value).splitlines()) == 1


def frame(values: Array = ROWS, **columns: Any) -> Any:
    pandas = pytest.importorskip("pandas")
    made = pandas.DataFrame(values, columns=["a", "b", "c"])
    return made.assign(**columns)


def series(values: Any) -> Any:
    return pytest.importorskip("pandas").Series(values)


class Tensor:
    """As PyTorch's: one that a gradient is wanted of becomes an array only when it is detached."""

    def __init__(self, values: Array, detached: bool = False) -> None:
        self.values, self.detached = values, detached

    def detach(self) -> Tensor:
        return Tensor(self.values, detached=True)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        if not self.detached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self.values


class Foreign:
    """Somebody's container that knows how to become an array."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return X
