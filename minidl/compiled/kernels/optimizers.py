"""Optimizers: one pass over the flat vectors, in the order of operations of minidl.optimizers.

The learning rate is the first of an optimizer's numbers, weight decay the last.
"""

from __future__ import annotations

import math
from typing import Any

from minidl.compiled.jit import jit
from minidl.compiled.kernel import OptimizerKernel
from minidl.core.layer import Array


@jit
def add_decay(params: Array, grads: Array, weight_decay: float) -> None:
    """g ← g + λ p."""
    if weight_decay != 0:
        decay = params.dtype.type(weight_decay)
        for k in range(params.size):
            grads[k] += decay * params[k]


@jit
def shrink(params: Array, share: float) -> None:
    """p ← (1 - share) p."""
    if share != 0:
        rest = params.dtype.type(1 - share)
        for k in range(params.size):
            params[k] *= rest


@jit
def sgd_update(params: Array, grads: Array, numbers: Array) -> None:
    """p ← p - η g."""
    add_decay(params, grads, numbers[1])
    rate = params.dtype.type(numbers[0])
    for k in range(params.size):
        params[k] -= rate * grads[k]


@jit
def momentum_update(params: Array, grads: Array, numbers: Array, velocity: Array) -> None:
    """v ← μ v + g, p ← p - η v."""
    add_decay(params, grads, numbers[2])
    rate, momentum = params.dtype.type(numbers[0]), params.dtype.type(numbers[1])
    for k in range(params.size):
        velocity[k] = momentum * velocity[k] + grads[k]
        params[k] -= rate * velocity[k]


@jit
def nesterov_update(params: Array, grads: Array, numbers: Array, velocity: Array) -> None:
    """v ← μ v + g, p ← p - η (g + μ v)."""
    add_decay(params, grads, numbers[2])
    rate, momentum = params.dtype.type(numbers[0]), params.dtype.type(numbers[1])
    for k in range(params.size):
        velocity[k] = momentum * velocity[k] + grads[k]
        params[k] -= rate * (grads[k] + momentum * velocity[k])


@jit
def adam_update(params: Array, grads: Array, numbers: Array, m: Array, v: Array, steps: Array) -> None:
    """m ← β1 m + g, v ← β2 v + g² (kept divided by 1 - β), p ← p - η m̂ / (√v̂ + ε)."""
    beta1, beta2, kind = numbers[1], numbers[2], params.dtype.type
    add_decay(params, grads, numbers[4])
    steps[0] += 1
    scale = kind((1 - beta2) / (1 - beta2 ** steps[0]))
    rate = kind(numbers[0] * (1 - beta1) / (1 - beta1 ** steps[0]))
    decay1, decay2, epsilon = kind(beta1), kind(beta2), kind(numbers[3])
    for k in range(params.size):
        g = grads[k]
        m[k] = decay1 * m[k] + g
        v[k] = decay2 * v[k] + g * g
        params[k] -= rate * (m[k] / (kind(math.sqrt(scale * v[k])) + epsilon))


@jit
def adamw_update(params: Array, grads: Array, numbers: Array, m: Array, v: Array, steps: Array) -> None:
    """p ← (1 - η λ) p, and then Adam, whose own decay is number 4."""
    shrink(params, numbers[0] * numbers[5])
    adam_update(params, grads, numbers, m, v, steps)


@jit
def rmsprop_update(params: Array, grads: Array, numbers: Array, s: Array) -> None:
    """s ← ρ s + (1 - ρ) g², p ← p - η g / (√s + ε)."""
    kind = params.dtype.type
    add_decay(params, grads, numbers[4])
    rate, decay, fresh, epsilon = kind(numbers[0]), kind(numbers[1]), kind(1 - numbers[1]), kind(numbers[3])
    for k in range(params.size):
        g = grads[k]
        s[k] = decay * s[k] + fresh * (g * g)
        params[k] -= rate * (g / (kind(math.sqrt(s[k])) + epsilon))


@jit
def rmsprop_momentum_update(params: Array, grads: Array, numbers: Array, s: Array, w: Array) -> None:
    """The same with w ← μ w + g / (√s + ε), p ← p - η w."""
    kind = params.dtype.type
    add_decay(params, grads, numbers[4])
    rate, decay, fresh, epsilon = kind(numbers[0]), kind(numbers[1]), kind(1 - numbers[1]), kind(numbers[3])
    momentum = kind(numbers[2])
    for k in range(params.size):
        g = grads[k]
        s[k] = decay * s[k] + fresh * (g * g)
        w[k] = momentum * w[k] + g / (kind(math.sqrt(s[k])) + epsilon)
        params[k] -= rate * w[k]


@jit
def adagrad_update(params: Array, grads: Array, numbers: Array, s: Array) -> None:
    """s ← s + g², p ← p - η g / (√s + ε)."""
    kind = params.dtype.type
    add_decay(params, grads, numbers[2])
    rate, epsilon = kind(numbers[0]), kind(numbers[1])
    for k in range(params.size):
        g = grads[k]
        s[k] += g * g
        params[k] -= rate * (g / (kind(math.sqrt(s[k])) + epsilon))


@jit
def lion_update(params: Array, grads: Array, numbers: Array, m: Array) -> None:
    """p ← (1 - η λ) p - η sign(β1 m + (1 - β1) g), m ← β2 m + (1 - β2) g."""
    kind = params.dtype.type
    shrink(params, numbers[0] * numbers[3])
    rate, decay1, decay2 = kind(numbers[0]), kind(numbers[1]), kind(numbers[2])
    fresh1, fresh2 = kind(1 - numbers[1]), kind(1 - numbers[2])
    for k in range(params.size):
        g = grads[k]
        way = decay1 * m[k] + fresh1 * g
        params[k] -= rate * kind((way > 0) - (way < 0))
        m[k] = decay2 * m[k] + fresh2 * g


def sgd(optimizer: Any) -> OptimizerKernel:
    """SGD."""
    if not optimizer.momentum:
        return OptimizerKernel(sgd_update, lambda o: [o.learning_rate, o.weight_decay])
    update = nesterov_update if optimizer.nesterov else momentum_update
    return OptimizerKernel(update, lambda o: [o.learning_rate, o.momentum, o.weight_decay], lambda o: ("velocity",))


def _adam_numbers(o: Any) -> list[float]:
    return [o.learning_rate, o.beta1, o.beta2, o.epsilon, o.weight_decay]


def _adamw_numbers(o: Any) -> list[float]:
    return [o.learning_rate, o.beta1, o.beta2, o.epsilon, 0.0, o.weight_decay]


def adam(optimizer: Any) -> OptimizerKernel:
    """Adam."""
    return OptimizerKernel(adam_update, _adam_numbers, lambda o: ("m", "v", "t"))


def adamw(optimizer: Any) -> OptimizerKernel:
    """AdamW."""
    return OptimizerKernel(adamw_update, _adamw_numbers, lambda o: ("m", "v", "t"))


def _rmsprop_numbers(o: Any) -> list[float]:
    return [o.learning_rate, o.decay, o.momentum, o.epsilon, o.weight_decay]


def rmsprop(optimizer: Any) -> OptimizerKernel:
    """RMSProp."""
    if optimizer.momentum:
        return OptimizerKernel(rmsprop_momentum_update, _rmsprop_numbers, lambda o: ("s", "w"))
    return OptimizerKernel(rmsprop_update, _rmsprop_numbers, lambda o: ("s",))


def adagrad(optimizer: Any) -> OptimizerKernel:
    """Adagrad."""
    return OptimizerKernel(adagrad_update, lambda o: [o.learning_rate, o.epsilon, o.weight_decay], lambda o: ("s",))


def lion(optimizer: Any) -> OptimizerKernel:
    """Lion."""
    return OptimizerKernel(lion_update, lambda o: [o.learning_rate, o.beta1, o.beta2, o.weight_decay], lambda o: ("m",))
