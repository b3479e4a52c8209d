"""Losses: means over all entries of the lanes that hold windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.compiled.jit import jit, jit_sum
from minidl.compiled.kernel import LossKernel
from minidl.core.layer import Array


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


@jit
def cross_entropy_loss(y: Array, target: Array, dy: Array, n: int) -> Any:
    """mean(-log p_k), (p - one_hot(k)) / size for p = softmax(y) and the label k."""
    time, K, lanes = y.shape
    size, kind = time * n, y.dtype.type
    total = 0.0
    for t in range(time):
        for lane in range(n):
            k, top = int(target[t, 0, lane]), y[t, 0, lane]
            for i in range(1, K):
                top = max(top, y[t, i, lane])
            whole = kind(0)
            for i in range(K):
                dy[t, i, lane] = np.exp(y[t, i, lane] - top)
                whole += dy[t, i, lane]
            total += np.log(whole) - (y[t, k, lane] - top)
            for i in range(K):
                dy[t, i, lane] = (dy[t, i, lane] / whole - kind(i == k)) / kind(size)
        for i in range(K):
            for lane in range(n, lanes):
                dy[t, i, lane] = 0
    return total / size


def cross_entropy(loss: Any) -> LossKernel:
    """CrossEntropy."""
    return LossKernel(cross_entropy_loss)


def half_mse(loss: Any) -> LossKernel:
    """HalfMSE."""
    return LossKernel(half_mse_loss)


def mse(loss: Any) -> LossKernel:
    """MSE."""
    return LossKernel(mse_loss)


def mae(loss: Any) -> LossKernel:
    """MAE."""
    return LossKernel(mae_loss)
