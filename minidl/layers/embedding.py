"""Vectors in place of symbols."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.errors import DataError, ShapeError
from minidl.core.initializers import Initializer, normal_fan_in
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape, built, n_features
from minidl.core.lengths import check_lengths, without_padding
from minidl.core.registry import register
from minidl.core.workspace import Workspace

ROUNDING = 1e-3  # so far a number may be from a whole one


@register
@dataclass(eq=False, repr=False)
class Embedding(Layer):
    """y = W[x]: a row of W for each symbol x, a whole number from 0 on.

    dW[k] = the sum of dy over all places where x is k. y changes in jumps only, so that dx is 0.

    Parameters
    ----------
    symbols : how many there are; x goes from 0 to symbols - 1.
    output_size : numbers for each symbol.
    weight_initializer : start values of W.

    Shapes
    ------
    x (batch, features) or (batch, time, features), whole numbers, as integers or as floats; y the same with
    features · output_size, the vectors of a row's symbols one after the other. W (symbols, output_size).

    Raises
    ------
    DataError
        x holds something else than whole numbers from 0 to symbols - 1.

    References
    ----------
    Bengio, Ducharme, Vincent and Jauvin (2003), A neural probabilistic language model. JMLR 3.
    """

    symbols: PositiveInt
    _: KW_ONLY
    output_size: PositiveInt
    weight_initializer: Initializer = normal_fan_in

    multiplies: ClassVar[bool] = False

    def output_shape(self, input_shape: Shape) -> Shape:
        """`output_size` features for each symbol."""
        if len(input_shape) not in (1, 2) or input_shape[-1] is None:
            raise ShapeError(f"Embedding: expected input of shape (features,) or (time, features), got {input_shape}.")
        return (*input_shape[:-1], n_features(input_shape) * self.output_size)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        """Allocate W; see `Layer.build`."""
        output = self.output_shape(input_shape)
        self.params = {"W": self.weight_initializer((self.symbols, self.output_size), rng, dtype)}
        return output

    def example_input(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Random symbols."""
        return rng.integers(self.symbols, size=shape)

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """Look the rows up; padding counts as symbol 0."""
        W = built(self)["W"]
        if x.ndim not in (2, 3):
            raise ShapeError(
                f"Embedding: expected x of shape (batch, features) or (batch, time, features), got {x.shape}."
            )
        lengths = ctx.lengths if x.ndim == 3 else None
        if lengths is not None:
            check_lengths(lengths, x.shape, "Embedding")
        places = self._places(without_padding(x, lengths))
        size = (*x.shape[:-1], x.shape[-1] * self.output_size)
        y = (ctx.workspace or Workspace()).array("y", size, W.dtype)
        np.take(W, places, axis=0, out=y.reshape(*x.shape, self.output_size), mode="clip")
        return y, (places, x, W, lengths, ctx)

    def _places(self, x: Array) -> Array:
        places = np.rint(x)
        with np.errstate(invalid="ignore"):  # infinity is refused below
            wrong = ~((np.abs(x - places) <= ROUNDING) & (places >= 0) & (places < self.symbols))
        if wrong.any():
            raise DataError(f"Embedding: x holds {x[wrong][0]:g}; expected whole numbers from 0 to {self.symbols - 1}.")
        return places.astype(np.intp)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """See the class."""
        places, x, W, lengths, ctx = cache
        if dy.shape != (*x.shape[:-1], x.shape[-1] * self.output_size):
            raise ShapeError(f"Embedding: dy of shape {dy.shape} does not fit x of shape {x.shape}.")
        ws = ctx.workspace or Workspace()
        dW = ws.array("dW", W.shape, W.dtype)
        dW[...] = 0
        np.add.at(dW, places.reshape(-1), without_padding(dy, lengths).reshape(-1, self.output_size))
        if not ctx.input_gradient:
            return None, {"W": dW}
        dx = ws.array("dx", x.shape, x.dtype if x.dtype.kind == "f" else W.dtype)
        dx[...] = 0
        return dx, {"W": dW}
