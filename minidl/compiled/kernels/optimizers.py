"""Optimizers: one pass over the flat vectors, in the order of operations of minidl.optimizers."""

from __future__ import annotations

import math
from typing import Any

from minidl.compiled.jit import jit
from minidl.compiled.kernel import OptimizerKernel
from minidl.core.layer import Array


@jit
def sgd_update(params: Array, grads: Array, numbers: Array) -> None:
    """p ← p - η g."""
    rate = params.dtype.type(numbers[0])
    for k in range(params.size):
        params[k] -= rate * grads[k]


@jit
def momentum_update(params: Array, grads: Array, numbers: Array, velocity: Array) -> None:
    """v ← μ v + g, p ← p - η v."""
    rate, momentum = params.dtype.type(numbers[0]), params.dtype.type(numbers[1])
    for k in range(params.size):
        velocity[k] = momentum * velocity[k] + grads[k]
        params[k] -= rate * velocity[k]


@jit
def adam_update(params: Array, grads: Array, numbers: Array, m: Array, v: Array, steps: Array) -> None:
    """m ← β1 m + g, v ← β2 v + g² (kept divided by 1 - β), p ← p - η m̂ / (√v̂ + ε)."""
    beta1, beta2, kind = numbers[1], numbers[2], params.dtype.type
    steps[0] += 1
    scale = kind((1 - beta2) / (1 - beta2 ** steps[0]))
    rate = kind(numbers[0] * (1 - beta1) / (1 - beta1 ** steps[0]))
    decay1, decay2, epsilon = kind(beta1), kind(beta2), kind(numbers[3])
    for k in range(params.size):
        g = grads[k]
        m[k] = decay1 * m[k] + g
        v[k] = decay2 * v[k] + g * g
        params[k] -= rate * (m[k] / (kind(math.sqrt(scale * v[k])) + epsilon))


def sgd(optimizer: Any) -> OptimizerKernel:
    """SGD."""
    if optimizer.momentum:
        return OptimizerKernel(momentum_update, lambda o: [o.learning_rate, o.momentum], lambda o: ("velocity",))
    return OptimizerKernel(sgd_update, lambda o: [o.learning_rate])


def adam(optimizer: Any) -> OptimizerKernel:
    """Adam."""
    return OptimizerKernel(
        adam_update, lambda o: [o.learning_rate, o.beta1, o.beta2, o.epsilon], lambda o: ("m", "v", "t")
    )
