"""Activations: elementwise layers whose slope is a function of their own output.

They stand alone in a stack, and RecurrentLayer takes one as its ``activation``.
An activation whose slope needs the input instead (GELU, say) derives from Layer
directly and works in both places too; only the recurrence is slower with it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.layer import INFERENCE, Array, Bounded, Context, Grads, Layer, read_only
from minidl.core.registry import register
from minidl.core.workspace import Workspace


@dataclass(eq=False)
class Activation(Layer):
    """y = f(a) for every element, with f'(a) written through y.

    Shapes: any; output like input.

    Attributes
    ----------
    bounds : between which all values of f lie; None: it has no such bounds.
    """

    bounds: ClassVar[tuple[float, float] | None] = None
    # gate(dy, f'(a), out): da = dy · f'(a).
    gate: ClassVar[Any] = staticmethod(np.multiply)

    @abstractmethod
    def function(self, a: Array, out: Array) -> Any:
        """Write f(a) to `out`, which may be `a` itself."""

    @abstractmethod
    def slope(self, y: Array, out: Array) -> Any:
        """Write f'(a) to `out`, from y = f(a)."""

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """y = f(x); the cache is y."""
        ws = ctx.workspace or Workspace()
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        y = ws.array("y", x.shape, dtype)
        self.function(x, y)
        return read_only(y), (y, ctx.workspace)

    def bounded(self, y: Array, cache: Any) -> Mapping[str, Bounded]:
        """y, where f has bounds."""
        return {} if self.bounds is None else {"y": Bounded(y, *self.bounds)}

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """dx = dy · f'(x), elementwise."""
        y, ws = cache
        dx = (ws or Workspace()).array("dx", y.shape, y.dtype)
        self.slope(y, dx)
        np.multiply(dx, dy, out=dx)
        return dx, {}


@register
@dataclass(eq=False)
class TanhActivation(Activation):
    """y = tanh(a), y' = 1 - y²  (textbook equations 5 and 6)."""

    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    function: ClassVar[Any] = staticmethod(np.tanh)

    def slope(self, y: Array, out: Array) -> None:
        """1 - y²."""
        np.square(y, out=out)
        np.subtract(1, out, out=out)


@register
@dataclass(eq=False)
class SigmoidActivation(Activation):
    """y = 1 / (1 + exp(-a)), y' = y (1 - y).

    Value and slope are right to a few units in the last place wherever a is negative,
    down to the smallest numbers. Where a is large and positive the slope is what the
    rounded y tells: 0 from 17 (float32) or 37 (float64) on, as in other libraries.
    """

    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def function(self, a: Array, out: Array) -> None:
        """e / (1 + e) with e = exp(a), which beyond 80 changes nothing and must not overflow."""
        e = np.minimum(a, 80, out=np.empty_like(out))
        np.exp(e, e)
        np.add(e, 1, out=out)
        np.divide(e, out, out=out)

    def slope(self, y: Array, out: Array) -> None:
        """y (1 - y)."""
        np.multiply(np.subtract(1, y), y, out=out)


@register
@dataclass(eq=False)
class ReluActivation(Activation):
    """y = max(a, 0), y' = 1 where a > 0, else 0 (at 0 too)."""

    def function(self, a: Array, out: Array) -> None:
        """max(a, 0)."""
        np.maximum(a, 0, out=out)

    def slope(self, y: Array, out: Array) -> None:
        """1 where y > 0."""
        np.greater(y, 0, out=out, casting="unsafe")


@register
@dataclass(eq=False)
class IdentityActivation(Activation):
    """y = a, y' = 1 (textbook equation 8)."""

    function: ClassVar[Any] = staticmethod(np.positive)

    def slope(self, y: Array, out: Array) -> None:
        """1."""
        out.fill(1)
