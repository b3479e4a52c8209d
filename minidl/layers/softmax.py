"""Numbers turned into shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, read_only
from minidl.core.registry import register
from minidl.core.workspace import Workspace


@register
@dataclass(eq=False)
class Softmax(Layer):
    """y_k = exp(x_k) / Σ_j exp(x_j) over the features of each row,  dx = y ⊙ (dy - Σ_j dy_j y_j).

    The loss `CrossEntropy` takes x itself: a model that it trains ends without this layer.

    Shapes: x and y (batch, features) or (batch, time, features).
    """

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """The shares; the largest x_k is subtracted first, so that exp cannot overflow."""
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        y = (ctx.workspace or Workspace()).array("y", x.shape, dtype)
        np.subtract(x, x.max(axis=-1, keepdims=True), out=y)
        np.exp(y, out=y)
        np.divide(y, y.sum(axis=-1, keepdims=True), out=y)
        return read_only(y), (y, ctx.workspace)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """See the class."""
        y, ws = cache
        dx = np.multiply(dy, y, out=(ws or Workspace()).array("dx", y.shape, y.dtype))
        np.subtract(dy, dx.sum(axis=-1, keepdims=True), out=dx)
        np.multiply(dx, y, out=dx)
        return dx, {}
