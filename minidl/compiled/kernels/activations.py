"""Activations, as functions of one number."""

from __future__ import annotations

import functools
from typing import Any

from minidl.compiled.emit import functions
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import ActivationKernel, LayerKernel
from minidl.core.layer import Array


@jit
def tanh_slope(y: Any) -> Any:
    """1 - y²."""
    return type(y)(1) - y * y


@jit
def sigmoid_slope(y: Any) -> Any:
    """y (1 - y)."""
    return y * (type(y)(1) - y)


@jit
def relu_function(a: Any) -> Any:
    """max(a, 0); NaN stays NaN."""
    return type(a)(0) if a < 0 else a


@jit
def relu_slope(y: Any) -> Any:
    """1 where y > 0."""
    return type(y)(1) if y > 0 else type(y)(0)


@jit
def identity_function(a: Any) -> Any:
    """a."""
    return a


@jit
def identity_slope(y: Any) -> Any:
    """1."""
    return type(y)(1)


def tanh(layer: Any) -> ActivationKernel:
    """TanhActivation."""
    return ActivationKernel(functions.tanh, tanh_slope)


def sigmoid(layer: Any) -> ActivationKernel:
    """SigmoidActivation."""
    return ActivationKernel(functions.sigmoid, sigmoid_slope)


def relu(layer: Any) -> ActivationKernel:
    """ReluActivation."""
    return ActivationKernel(relu_function, relu_slope)


def identity(layer: Any) -> ActivationKernel:
    """IdentityActivation."""
    return ActivationKernel(identity_function, identity_slope)


@functools.cache
def elementwise(kernel: ActivationKernel) -> LayerKernel:
    """An activation alone in a stack."""
    function, slope = kernel.function, kernel.slope

    @jit
    def forward(x: Array, y: Array, scratch: Array) -> None:
        a, out = view(x, 0, (x.size,)), view(y, 0, (y.size,))
        for k in range(a.size):
            out[k] = function(a[k])

    @jit
    def backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
        if dx.size:
            out, d, to = view(y, 0, (y.size,)), view(dy, 0, (y.size,)), view(dx, 0, (y.size,))
            for k in range(out.size):
                to[k] = d[k] * slope(out[k])

    return LayerKernel(forward, backward)
