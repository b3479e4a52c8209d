"""Losses of the error e = y - target: means over all entries of the lanes that hold windows, or weighted means."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minidl.compiled.jit import jit, jit_sum
from minidl.compiled.kernel import LossKernel
from minidl.compiled.kernels.entries import kernel_of_entries
from minidl.core.layer import Array

_LOG_2 = math.log(2)


@jit
def _wide_squares(y: Array, target: Array, n: int) -> Any:
    """Σ e² in double precision: squares of 2e19 overflow in float32."""
    total = 0.0
    for t in range(y.shape[0]):
        for i in range(y.shape[1]):
            for k in range(n):
                e = np.float64(y[t, i, k] - target[t, i, k])
                total += e * e
    return total


@jit_sum
def _squares(y: Array, target: Array, dy: Array, n: int, scale: Any) -> Any:
    """Σ e² over the first n lanes; dy = scale · e there and 0 beyond."""
    total = 0.0
    for t in range(y.shape[0]):
        for i in range(y.shape[1]):
            for k in range(n):
                e = y[t, i, k] - target[t, i, k]
                total += e * e
                dy[t, i, k] = scale * e
            for k in range(n, y.shape[2]):
                dy[t, i, k] = 0
    return total if np.isfinite(total) else _wide_squares(y, target, n)


@jit
def half_mse_loss(y: Array, target: Array, dy: Array, n: int) -> Any:
    """½ · mean(e²), e / size."""
    size = y.shape[0] * y.shape[1] * n
    return _squares(y, target, dy, n, y.dtype.type(1 / size)) / (2 * size)


@jit
def mse_loss(y: Array, target: Array, dy: Array, n: int) -> Any:
    """mean(e²), 2 e / size."""
    size = y.shape[0] * y.shape[1] * n
    return _squares(y, target, dy, n, y.dtype.type(2 / size)) / size


@jit_sum
def mae_loss(y: Array, target: Array, dy: Array, n: int) -> Any:
    """mean(|e|), sign(e) / size."""
    size = y.shape[0] * y.shape[1] * n
    scale, total = y.dtype.type(1 / size), 0.0
    for t in range(y.shape[0]):
        for i in range(y.shape[1]):
            for k in range(n):
                e = y[t, i, k] - target[t, i, k]
                total += abs(e)
                dy[t, i, k] = scale if e > 0 else -scale if e < 0 else 0 * e
            for k in range(n, y.shape[2]):
                dy[t, i, k] = 0
    return total / size


@functools.cache
def _entries(value: Any, slope: Any) -> LossKernel:
    """mean(l(e)), l'(e) / size for a function l of the error e."""

    @jit
    def entry(y: Any, target: Any, i: int) -> Any:
        e = y - target
        return value(np.float64(e)), slope(e)

    return kernel_of_entries(entry)


def _weighted(value: Any, slope: Any) -> Any:
    return _entries(value, slope).weighted


@jit
def _half_square(e: Any) -> Any:
    return e * e / 2


@jit
def _square(e: Any) -> Any:
    return e * e


@jit
def _itself(e: Any) -> Any:
    return e


@jit
def _twice(e: Any) -> Any:
    return e + e


@jit
def _size(e: Any) -> Any:
    return abs(e)


@jit
def _sign(e: Any) -> Any:
    return np.sign(e)


@functools.cache
def _huber(delta: float) -> tuple[Any, Any]:
    @jit
    def value(e: Any) -> Any:
        c = min(abs(e), delta)
        return c * (abs(e) - c / 2)

    @jit
    def slope(e: Any) -> Any:
        return min(max(e, -delta), delta)

    return value, slope


@jit
def _log_cosh(e: Any) -> Any:
    size = abs(e)
    if size < 1:
        return np.log1p(2 * np.sinh(size / 2) ** 2)
    return size + np.log1p(np.exp(-size) ** 2) - _LOG_2


@jit
def _tanh(e: Any) -> Any:
    return np.tanh(e)


def half_mse(loss: Any) -> LossKernel:
    """HalfMSE."""
    return LossKernel(half_mse_loss, _weighted(_half_square, _itself))


def mse(loss: Any) -> LossKernel:
    """MSE."""
    return LossKernel(mse_loss, _weighted(_square, _twice))


def mae(loss: Any) -> LossKernel:
    """MAE."""
    return LossKernel(mae_loss, _weighted(_size, _sign))


def huber(loss: Any) -> LossKernel:
    """Huber."""
    return _entries(*_huber(loss.delta))


def log_cosh(loss: Any) -> LossKernel:
    """LogCosh."""
    return _entries(_log_cosh, _tanh)
