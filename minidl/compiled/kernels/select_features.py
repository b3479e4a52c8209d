"""SelectFeatures."""

from __future__ import annotations

from typing import Any

from minidl.compiled.emit.products import copy
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel
from minidl.core.layer import Array


@jit
def forward(x: Array, y: Array, scratch: Array, places: Array) -> None:
    """y_t[j] = x_t[place j]."""
    for t in range(len(x)):
        for j in range(len(places)):
            copy(y[t, j], x[t, places[j]])


@jit
def backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, places: Array) -> None:
    """dx_t[place j] = dy_t[j]; the other features are never written and stay zero."""
    for t in range(len(dx)):
        for j in range(len(places)):
            copy(dx[t, places[j]], dy[t, j])


def select_features(layer: Any) -> LayerKernel:
    """SelectFeatures."""
    return LayerKernel(forward, backward, numbers=lambda layer: layer.places)
