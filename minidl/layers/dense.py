"""The fully connected layer, on the last axis of two- and three-dimensional input."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ShapeError
from minidl.core.initializers import Initializer, normal_fan_in, zeros
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape, built, n_features, read_only
from minidl.core.lengths import check_lengths, without_padding
from minidl.core.registry import register
from minidl.core.workspace import Workspace


@register
@dataclass(eq=False, repr=False)
class Dense(Layer):
    """y = x W + b  (textbook equation 7, with V = W).

    Parameters
    ----------
    output_size : features of the output, at least 1.
    bias : whether b is there.
    weight_initializer, bias_initializer : start values of W and b.

    Shapes
    ------
    x (batch, input_size) or (batch, time, input_size); y the same with output_size;
    W (input_size, output_size); b (output_size,).
    """

    output_size: PositiveInt
    _: KW_ONLY
    bias: bool = True
    weight_initializer: Initializer = normal_fan_in
    bias_initializer: Initializer = zeros

    def output_shape(self, input_shape: Shape) -> Shape:
        """Output features in place of input features."""
        if len(input_shape) not in (1, 2) or input_shape[-1] is None:
            raise ShapeError(f"Dense: expected input of shape (features,) or (time, features), got {input_shape}.")
        return (*input_shape[:-1], self.output_size)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        """Allocate W and b; see `Layer.build`."""
        output = self.output_shape(input_shape)
        self.params = {"W": self.weight_initializer((n_features(input_shape), self.output_size), rng, dtype)}
        if self.bias:
            (b_rng,) = rng.spawn(1)  # its draws do not depend on the shape of W
            self.params["b"] = self.bias_initializer((self.output_size,), b_rng, dtype)
        return output

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """y = x W + b; all rows of all time steps in one product."""
        W = built(self)["W"]
        if x.ndim not in (2, 3):
            raise ShapeError(f"Dense: expected x of shape (batch, features) or (batch, time, features), got {x.shape}.")
        if x.shape[-1] != W.shape[0]:
            raise ShapeError(
                f"Dense: x has {x.shape[-1]} features, but the layer was built for {W.shape[0]} (x.shape = {x.shape})."
            )
        ws = ctx.workspace or Workspace()
        lengths = ctx.lengths if x.ndim == 3 else None
        if lengths is not None:
            check_lengths(lengths, x.shape, "Dense")
        rows = _rows(without_padding(x, lengths), W.dtype, ws, "x")
        y = ws.array("y", (len(rows), self.output_size), W.dtype)
        rows.dot(W, out=y)
        if self.bias:
            np.add(y, self.params["b"], out=y)
        y = y.reshape(*x.shape[:-1], self.output_size)
        return read_only(y), (rows, x.shape, W, ctx.input_gradient, ctx.workspace, lengths)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """dW = xᵀ dy (textbook equation 11), db = sum of dy over rows, dx = dy Wᵀ."""
        rows, shape, W, input_gradient, ws, lengths = cache
        if dy.shape != (*shape[:-1], self.output_size):
            raise ShapeError(f"Dense: expected dy of shape {(*shape[:-1], self.output_size)}, got {dy.shape}.")
        ws = ws or Workspace()
        dy = _rows(without_padding(dy, lengths), W.dtype, ws, "dy")
        grads = {"W": rows.T.dot(dy, out=ws.array("dW", W.shape, W.dtype))}
        if self.bias:
            grads["b"] = np.add.reduce(dy, 0, out=ws.array("db", (self.output_size,), W.dtype))
        if not input_gradient:
            return None, grads
        dx = dy.dot(W.T, out=ws.array("dx", rows.shape, W.dtype))
        return dx.reshape(shape), grads


def _rows(x: Array, dtype: npt.DTypeLike, ws: Workspace, name: str) -> Array:
    """`x` as (rows, features); three-dimensional x that is not contiguous is copied to a buffer."""
    if x.ndim == 2 and x.dtype == dtype:
        return x
    if x.ndim == 3 and not x.flags.c_contiguous:
        buffer = ws.array(name, x.shape, dtype)
        buffer[...] = x
        x = buffer
    return x.reshape(-1, x.shape[-1]).astype(dtype, copy=False)
