"""Dense: y_t = b + Wᵀ x_t, at every time step there is."""

from __future__ import annotations

from typing import Any

from minidl.compiled.emit.products import add_product, affine, fill, gradient, sums
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel, Sizes
from minidl.core.layer import Array


@jit
def forward(x: Array, y: Array, scratch: Array, W: Array, b: Array) -> None:
    """y_t = b + Wᵀ x_t."""
    for t in range(len(x)):
        affine(y[t], b, W, x[t], W, x[t][:0])


@jit
def forward_without_bias(x: Array, y: Array, scratch: Array, W: Array) -> None:
    """The same with b = 0, which scratch is."""
    forward(x, y, scratch, W, scratch)


@jit
def backward_without_bias(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, W: Array, dW: Array) -> None:
    """dW = Σ x_t dy_tᵀ, dx_t = W dy_t."""
    gradient(dW, x, dy)
    for t in range(len(dx)):
        fill(dx[t], 0)
        add_product(dx[t], dx[t], W.T, dy[t])


@jit
def backward(
    x: Array, y: Array, dy: Array, dx: Array, scratch: Array, W: Array, b: Array, dW: Array, db: Array
) -> None:
    """The same, and db = Σ dy_t."""
    backward_without_bias(x, y, dy, dx, scratch, W, dW)
    sums(db, dy)


def scratch_size(layer: Any, x: Sizes, y: Sizes) -> int:
    """Zeros in place of a bias."""
    return y[1]


def dense(layer: Any) -> LayerKernel:
    """Dense."""
    if layer.bias:
        return LayerKernel(forward, backward)
    return LayerKernel(forward_without_bias, backward_without_bias, scratch_size)
