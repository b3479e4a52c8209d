"""SumOfLosses: the kernels of its losses one after the other, each times its weight."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel, kernel_of
from minidl.core.layer import Array


@functools.cache
def _times(loss: Any, w: float) -> Any:
    @jit
    def times(y: Array, target: Array, dy: Array, counted: Any) -> Any:
        """w L, w dL/dy; `counted` is a number of lanes, or shares."""
        value, kind = loss(y, target, dy, counted), dy.dtype.type
        for t in range(dy.shape[0]):
            for i in range(dy.shape[1]):
                for k in range(dy.shape[2]):
                    dy[t, i, k] *= kind(w)
        return w * np.float64(value)

    return times


@functools.cache
def _plus(first: Any, second: Any) -> Any:
    @jit
    def plus(y: Array, target: Array, dy: Array, counted: Any) -> Any:
        """The sum of both, and of their gradients."""
        more = np.empty_like(dy)
        value = first(y, target, dy, counted) + second(y, target, more, counted)
        for t in range(dy.shape[0]):
            for i in range(dy.shape[1]):
                for k in range(dy.shape[2]):
                    dy[t, i, k] += more[t, i, k]
        return value

    return plus


def sum_of_losses(loss: Any) -> LossKernel:
    """SumOfLosses, of losses without weights of classes."""
    kernels = [kernel_of(one) for one in loss.losses]
    weights = loss.weights or [1.0] * len(kernels)
    mean = functools.reduce(_plus, (_times(kernel.loss, w) for kernel, w in zip(kernels, weights, strict=True)))
    if any(kernel.weighted is None for kernel in kernels):
        return LossKernel(mean)
    shared = (_times(kernel.weighted, w) for kernel, w in zip(kernels, weights, strict=True))
    return LossKernel(mean, functools.reduce(_plus, shared))
