"""Losses: means over all entries of the lanes that hold windows, or weighted means."""

from __future__ import annotations

import functools
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
def _label_loss(y: Array, target: Array, dy: Array, t: int, lane: int) -> Any:
    """-log p_k for the label k; dy = p - one_hot(k)."""
    K, kind = y.shape[1], y.dtype.type
    k, top = int(target[t, 0, lane]), y[t, 0, lane]
    for i in range(1, K):
        top = max(top, y[t, i, lane])
    whole = kind(0)
    for i in range(K):
        dy[t, i, lane] = np.exp(y[t, i, lane] - top)
        whole += dy[t, i, lane]
    for i in range(K):
        dy[t, i, lane] = dy[t, i, lane] / whole - kind(i == k)
    return np.log(whole) - (y[t, k, lane] - top)


@jit
def cross_entropy_loss(y: Array, target: Array, dy: Array, n: int) -> Any:
    """mean(-log p_k), (p - one_hot(k)) / size for p = softmax(y) and the label k."""
    time, K, lanes = y.shape
    size, kind = time * n, y.dtype.type
    total = 0.0
    for t in range(time):
        for lane in range(n):
            total += _label_loss(y, target, dy, t, lane)
            for i in range(K):
                dy[t, i, lane] /= kind(size)
        for i in range(K):
            for lane in range(n, lanes):
                dy[t, i, lane] = 0
    return total / size


@jit
def cross_entropy_weighted(y: Array, target: Array, dy: Array, share: Array) -> Any:
    """Σ s (-log p_k), s (p - one_hot(k))."""
    time, K, lanes = y.shape
    total = 0.0
    for t in range(time):
        for lane in range(lanes):
            total += share[t, 0, lane] * np.float64(_label_loss(y, target, dy, t, lane))
            for i in range(K):
                dy[t, i, lane] *= share[t, 0, lane]
    return total


@functools.cache
def _weighted(value: Any, slope: Any) -> Any:
    """Σ s l(e), s l'(e) for a function l of the error e."""

    @jit
    def weighted(y: Array, target: Array, dy: Array, share: Array) -> Any:
        total = 0.0
        for t in range(y.shape[0]):
            for i in range(y.shape[1]):
                for k in range(y.shape[2]):
                    e = y[t, i, k] - target[t, i, k]
                    total += share[t, i, k] * value(np.float64(e))
                    dy[t, i, k] = share[t, i, k] * slope(e)
        return total

    return weighted


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


def cross_entropy(loss: Any) -> LossKernel:
    """CrossEntropy."""
    return LossKernel(cross_entropy_loss, cross_entropy_weighted)


def half_mse(loss: Any) -> LossKernel:
    """HalfMSE."""
    return LossKernel(half_mse_loss, _weighted(_half_square, _itself))


def mse(loss: Any) -> LossKernel:
    """MSE."""
    return LossKernel(mse_loss, _weighted(_square, _twice))


def mae(loss: Any) -> LossKernel:
    """MAE."""
    return LossKernel(mae_loss, _weighted(_size, _sign))
