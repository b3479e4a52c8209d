"""CrossEntropy: a mean over all labels of the lanes that hold windows, or a weighted mean."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel
from minidl.core.layer import Array


@functools.cache
def _label_loss(smoothing: float) -> Any:
    @jit
    def label_loss(y: Array, target: Array, dy: Array, t: int, lane: int) -> Any:
        """-log p_k for the label k; dy = p - one_hot(k), or what smoothing makes of both."""
        K, kind = y.shape[1], y.dtype.type
        k, top = int(target[t, 0, lane]), y[t, 0, lane]
        for i in range(1, K):
            top = max(top, y[t, i, lane])
        whole, mean = kind(0), kind(0)
        for i in range(K):
            dy[t, i, lane] = np.exp(y[t, i, lane] - top)
            whole += dy[t, i, lane]
            mean += (y[t, i, lane] - top) / kind(K)
        for i in range(K):
            dy[t, i, lane] = dy[t, i, lane] / whole - kind((1 - smoothing) * (i == k) + smoothing / K)
        return np.log(whole) - (kind(1 - smoothing) * (y[t, k, lane] - top) + kind(smoothing) * mean)

    return label_loss


@functools.cache
def _mean(label_loss: Any) -> Any:
    @jit
    def mean(y: Array, target: Array, dy: Array, n: int) -> Any:
        """mean(-log p_k), (p - one_hot(k)) / size for p = softmax(y) and the label k."""
        time, K, lanes = y.shape
        size, kind = time * n, y.dtype.type
        total = 0.0
        for t in range(time):
            for lane in range(n):
                total += label_loss(y, target, dy, t, lane)
                for i in range(K):
                    dy[t, i, lane] /= kind(size)
            for i in range(K):
                for lane in range(n, lanes):
                    dy[t, i, lane] = 0
        return total / size

    return mean


@functools.cache
def _weighted(label_loss: Any) -> Any:
    @jit
    def weighted(y: Array, target: Array, dy: Array, share: Array) -> Any:
        """Σ s (-log p_k), s (p - one_hot(k))."""
        time, K, lanes = y.shape
        total = 0.0
        for t in range(time):
            for lane in range(lanes):
                total += share[t, 0, lane] * np.float64(label_loss(y, target, dy, t, lane))
                for i in range(K):
                    dy[t, i, lane] *= share[t, 0, lane]
        return total

    return weighted


def cross_entropy(loss: Any) -> LossKernel:
    """CrossEntropy; weights of classes are in the shares."""
    label_loss = _label_loss(loss.label_smoothing)
    return LossKernel(_mean(label_loss), _weighted(label_loss))
