"""Stacks once more, from their equations, in extended precision: what both engines are compared with.

Nothing of minidl computes here. Every operation can be given the error that rounding
to a dtype makes, so the same equations tell how far two right programs may differ.
Where tanh or the logistic function is nearer to 1 than a 64th of the dtype's epsilon,
it is 1 for every right program, and its slope 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
WIDE = np.longdouble


class Rounding:
    """Errors of at most `ulps` units in the last place after each operation; none if `rng` is None."""

    def __init__(self, dtype: str, rng: np.random.Generator | None = None) -> None:
        self.eps, self.rng = WIDE(np.finfo(dtype).eps), rng
        self.nearest_kink = 1.0  # of all numbers where a slope jumps, relative to the largest beside it
        self.largest = 0.0  # of all sums

    def kink(self, a: Array) -> None:
        """Note how near a number is to 0, where ReLU and MAE have no slope; an exact 0 is one for everybody."""
        sizes = np.abs(a[a != 0])
        if sizes.size:
            self.nearest_kink = min(self.nearest_kink, float(sizes.min() / sizes.max()))

    def add(self, value: Array, scale: Array, ulps: float = 1.0) -> Array:
        """`value` with an error relative to `scale`, of which it is a sum or a function."""
        if self.rng is None:
            return value
        return value + ulps * self.eps * scale * self.rng.uniform(-1, 1, np.shape(value))

    def product(self, a: Array, b: Array) -> Array:
        """A product of matrices, whose error is that of a sum of so many terms."""
        sizes = np.abs(a) @ np.abs(b)
        self.largest = max(self.largest, float(sizes.max(initial=0)))
        return self.add(a @ b, sizes, 2.0)


def function(name: str, a: Array, r: Rounding) -> Array:
    if name == "Tanh":
        y, far = np.tanh(a), 2 * np.exp(-2 * np.abs(a))
    elif name == "Sigmoid":
        e = np.exp(-np.abs(a))
        y, far = np.where(a >= 0, 1, e) / (1 + e), np.where(a >= 0, e, 1)
    else:
        if name == "Relu":
            r.kink(a)
        return np.maximum(a, 0) if name == "Relu" else a
    return np.where(far < r.eps / 64, np.sign(y), r.add(y, np.abs(y), 2.0))


def slope(name: str, y: Array) -> Array:
    if name == "Tanh":
        return 1 - y * y
    if name == "Sigmoid":
        return y * (1 - y)
    return (y > 0).astype(WIDE) if name == "Relu" else np.ones_like(y)


@dataclass
class Op:
    """One layer: its kind (an activation's name, "Recurrent", "Dense", "Last"), activation, and names of parameters."""

    kind: str
    activation: str = ""
    names: tuple[str, ...] = ()


def forward(ops: Sequence[Op], params: dict[str, Array], x: Array, r: Rounding) -> tuple[Array, list[Any]]:
    """The output, and what backward needs."""
    kept: list[Any] = []
    for op in ops:
        own = [params[name] for name in op.names]
        if op.kind == "Recurrent":
            y = np.zeros((*x.shape[:2], own[1].shape[0]), WIDE)
            h = np.zeros(y[:, 0].shape, WIDE)
            for t in range(x.shape[1]):
                a = r.product(x[:, t], own[0]) + r.product(h, own[1]) + (own[2] if len(own) > 2 else 0)
                y[:, t] = h = function(op.activation, r.add(a, np.abs(a)), r)
        elif op.kind == "Dense":
            y = r.product(x, own[0]) + (own[1] if len(own) > 1 else 0)
            y = r.add(y, np.abs(y))
        else:
            y = x[:, -1] if op.kind == "Last" else function(op.kind, x, r)
        kept.append((x, y))
        x = y
    return x, kept


def backward(ops: Sequence[Op], params: dict[str, Array], kept: list[Any], dy: Array, r: Rounding) -> dict[str, Array]:
    """Gradients by parameter; those of one that is used twice add up."""
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    for op, (x, y) in zip(reversed(ops), reversed(kept), strict=True):
        own = [params[name] for name in op.names]
        if op.kind == "Recurrent":
            dx, later = np.zeros_like(x), np.zeros(y[:, 0].shape, WIDE)
            for t in reversed(range(x.shape[1])):
                dh = dy[:, t] + r.product(later, own[1].T)
                da = dh * slope(op.activation, y[:, t])
                later = da = r.add(da, np.abs(da), 2.0)
                before = y[:, t - 1] if t else np.zeros_like(da)
                for name, part in zip(op.names, (x[:, t], before, None), strict=False):
                    grads[name] += np.add.reduce(da) if part is None else r.product(part.T, da)
                dx[:, t] = r.product(da, own[0].T)
        elif op.kind == "Dense":
            rows, d = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
            grads[op.names[0]] += r.product(rows.T, d)
            if len(op.names) > 1:
                grads[op.names[1]] += r.add(np.add.reduce(d), np.add.reduce(np.abs(d)))
            dx = r.product(dy, own[0].T)
        elif op.kind == "Last":
            dx = np.zeros_like(x)
            dx[:, -1] = dy
        else:
            dx = dy * slope(op.kind, y)
        dy = dx
    return grads


def loss_of(name: str, y: Array, target: Array, r: Rounding) -> tuple[Array, Array]:
    """Loss and slope; a sum of n terms one after another, each a little off, errs by about √n / 6 units."""
    e = r.add(y - target, np.abs(y) + np.abs(target), 0.5)
    if name == "MAE":
        r.kink(e)
        loss, dy = np.abs(e).mean(), np.sign(e) / e.size
    else:
        factor = 2 if name == "MSE" else 1
        loss, dy = factor * (e * e).mean() / 2, r.add(factor * e / e.size, np.abs(factor * e / e.size))
    return r.add(loss, loss, np.sqrt(e.size) / 6), dy


@dataclass
class Recipe:
    """How a stack is trained: names and numbers of loss, optimizer and clipping."""

    loss: str
    optimizer: str
    learning_rate: float
    clip: float | None
    steps: int
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-3


def train(
    ops: Sequence[Op], start: dict[str, Array], x: Array, target: Array, recipe: Recipe, r: Rounding
) -> dict[str, Array]:
    """The output, the first gradient, and loss and parameters after each step, by name."""
    params = {name: value.astype(WIDE) for name, value in start.items()}
    memory = {name: [np.zeros_like(value), np.zeros_like(value)] for name, value in params.items()}
    found: dict[str, Array] = {}
    for step in range(1, recipe.steps + 1):
        y, kept = forward(ops, params, x, r)
        loss, dy = loss_of(recipe.loss, y, target, r)
        grads = backward(ops, params, kept, dy, r)
        if step == 1:
            found["output"] = y
            found |= {f"gradient {name}": value for name, value in grads.items()}
        norm = np.sqrt(sum((value * value).sum() for value in grads.values()))
        if recipe.clip is not None and norm > recipe.clip:
            grads = {name: value * (recipe.clip / norm) for name, value in grads.items()}
        for name, g in grads.items():
            change = recipe.learning_rate * direction(recipe, g, memory[name], step)
            params[name] = r.add(params[name] - change, np.abs(params[name]) + np.abs(change))
            found[f"step {step} {name}"] = params[name]
        found[f"loss {step}"] = loss
    return found


def direction(recipe: Recipe, g: Array, memory: list[Array], step: int) -> Array:
    """Which way a parameter goes; `memory` is what the optimizer remembers of it."""
    if recipe.optimizer == "SGD":
        return g
    if recipe.optimizer == "momentum":
        memory[0] = recipe.momentum * memory[0] + g
        return memory[0]
    memory[0] = recipe.beta1 * memory[0] + (1 - recipe.beta1) * g
    memory[1] = recipe.beta2 * memory[1] + (1 - recipe.beta2) * g * g
    m, v = memory[0] / (1 - recipe.beta1**step), memory[1] / (1 - recipe.beta2**step)
    return m / (np.sqrt(v) + recipe.epsilon)
