"""Features of each row brought to mean 0 and variance 1."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveFloat, check_in_dtype
from minidl.core.errors import ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape, built, n_features
from minidl.core.lengths import check_lengths, without_padding
from minidl.core.registry import register
from minidl.core.workspace import Workspace


@register
@dataclass(eq=False)
class LayerNorm(Layer):
    """y = g ⊙ n + b,  n = (x - μ) / √(v + ε), with mean μ and variance v over the features of each row.

    With dn = dy ⊙ g:  dx = (dn - mean(dn) - n mean(dn ⊙ n)) / √(v + ε),  dg = Σ dy ⊙ n,  db = Σ dy.

    Parameters
    ----------
    epsilon : ε, above 0.

    Shapes
    ------
    x and y (batch, features) or (batch, time, features); g, which starts at 1, and b, at 0, (features,). v is the mean
    of squares, divided by the number of features.

    References
    ----------
    Ba, Kiros and Hinton (2016), Layer normalization.
    """

    _: KW_ONLY
    epsilon: PositiveFloat = 1e-5

    def output_shape(self, input_shape: Shape) -> Shape:
        """That of the input."""
        if len(input_shape) not in (1, 2):
            raise ShapeError(f"LayerNorm: expected input of shape (features,) or (time, features), got {input_shape}.")
        return input_shape

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        """Allocate g and b; see `Layer.build`."""
        check_in_dtype(self, dtype)
        output, F = self.output_shape(input_shape), n_features(input_shape)
        self.params = {"g": np.ones(F, dtype), "b": np.zeros(F, dtype)}
        return output

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """Normalise, then scale and shift."""
        g = built(self)["g"]
        if x.ndim not in (2, 3) or x.shape[-1] != len(g):
            raise ShapeError(
                f"LayerNorm: expected x of shape (batch, {len(g)}) or (batch, time, {len(g)}), got {x.shape}."
            )
        lengths = ctx.lengths if x.ndim == 3 else None
        if lengths is not None:
            check_lengths(lengths, x.shape, "LayerNorm")
        ws = ctx.workspace or Workspace()
        x = without_padding(x, lengths).astype(g.dtype, copy=False)
        n, y = (ws.array(name, x.shape, g.dtype) for name in "ny")
        np.subtract(x, x.mean(axis=-1, keepdims=True), out=n)
        scale = 1 / np.sqrt(np.square(n, out=y).mean(axis=-1, keepdims=True) + g.dtype.type(self.epsilon))
        np.multiply(n, scale, out=n)
        np.multiply(n, g, out=y)
        np.add(y, self.params["b"], out=y)
        return y, (n, scale, g, lengths, ctx.workspace)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """See the class."""
        n, scale, g, lengths, ws = cache
        if dy.shape != n.shape:
            raise ShapeError(f"LayerNorm: expected dy of shape {n.shape}, got {dy.shape}.")
        lent, rows = ws or Workspace(), tuple(range(n.ndim - 1))
        dy = without_padding(dy, lengths)
        dx = np.multiply(dy, n, out=lent.array("dx", n.shape, g.dtype))
        grads = {"g": np.sum(dx, axis=rows, out=lent.array("dg", g.shape, g.dtype))}
        grads["b"] = np.sum(dy, axis=rows, out=lent.array("db", g.shape, g.dtype))
        dn = dy * g
        np.multiply(n, (dn * n).mean(axis=-1, keepdims=True), out=dx)
        np.subtract(dn - dn.mean(axis=-1, keepdims=True), dx, out=dx)
        np.multiply(dx, scale, out=dx)
        return dx, grads
