"""Arithmetic in extended precision, with gradients by the chain rule, and with the errors of rounding if wanted.

Nothing of minidl computes here. Every operation, forward and backward, can be given the
error that rounding to a dtype makes, so the same equations tell how far two right programs
may differ. Where tanh or the logistic function is nearer to 1 than a 64th of the dtype's
epsilon, it is 1 for every right program, and its slope 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any
WIDE = np.longdouble


class Rounding:
    """Errors of at most `ulps` units in the last place after each operation; none if `rng` is None.

    It lists the values that come from operations, in their order: on the way back each
    gives its gradient to those that it was computed from.
    """

    def __init__(self, dtype: str, rng: np.random.Generator | None = None) -> None:
        self.eps, self.rng = WIDE(np.finfo(dtype).eps), rng
        self.nearest_kink = 1.0  # of all numbers where a slope jumps, relative to the largest beside it
        self.largest = 0.0  # of all sums
        self.values: list[Value] = []

    def kink(self, a: Array) -> None:
        """Note how near a number is to 0, where a slope jumps; an exact 0 is one for everybody."""
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

    def total(self, a: Array, axis: tuple[int, ...]) -> Array:
        """A sum, whose error is that of so many terms."""
        return self.add(a.sum(axis, keepdims=True), np.abs(a).sum(axis, keepdims=True))

    def go_back(self, first: Sequence[tuple[Value, Array]]) -> None:
        """Every value's gradient `d`, from those of the last values; then nothing is listed any more."""
        for value, d in first:
            value.receive(d)
        for value in reversed(self.values):
            if value.d is not None and value.back is not None:
                value.back(value.d)
        self.values = []


class Value:
    """An array, and how its gradient goes back to those that it was computed from."""

    def __init__(self, v: Array, r: Rounding, back: Callable[[Array], None] | None = None) -> None:
        self.v, self.r, self.back = v, r, back
        self.d: Array = None
        if back is not None:
            r.values.append(self)

    def receive(self, d: Array) -> None:
        """One part of the gradient; where a number was used for several, it is the sum of theirs."""
        new = d.ndim - self.v.ndim
        axes = tuple(i for i in range(d.ndim) if i < new or self.v.shape[i - new] != d.shape[i])
        if axes:
            d = self.r.total(d, axes).reshape(self.v.shape)
        self.d = d if self.d is None else self.r.add(self.d + d, np.abs(self.d + d))

    def made(self, v: Array, *parts: tuple[Value, Callable[[Array], Array]], ulps: float = 1.0) -> Value:
        """A result, off by rounding, and the gradient of each of the parts from its own."""

        def back(d: Array) -> None:
            for part, rule in parts:
                found = rule(d)
                part.receive(self.r.add(found, np.abs(found)))

        return Value(self.r.add(v, np.abs(v), ulps), self.r, back)

    def __add__(self, other: Value | float) -> Value:
        b = self._value(other)
        return self.made(self.v + b.v, (self, lambda d: d), (b, lambda d: d))

    def __rsub__(self, other: float) -> Value:
        return self.made(other - self.v, (self, lambda d: -d))

    def __sub__(self, other: Value | float) -> Value:
        b = self._value(other)
        return self.made(self.v - b.v, (self, lambda d: d), (b, lambda d: -d))

    def __mul__(self, other: Value | Array) -> Value:
        b = self._value(other)
        return self.made(self.v * b.v, (self, lambda d: d * b.v), (b, lambda d: d * self.v))

    def __truediv__(self, b: Value) -> Value:
        y = self.v / b.v
        return self.made(y, (self, lambda d: d / b.v), (b, lambda d: -d * y / b.v))

    def __matmul__(self, b: Value) -> Value:
        def back(d: Array) -> None:
            self.receive(self.r.product(d, b.v.T))
            rows, ds = self.v.reshape(-1, self.v.shape[-1]), d.reshape(-1, d.shape[-1])
            b.receive(self.r.product(rows.T, ds))

        return Value(self.r.product(self.v, b.v), self.r, back)

    def __getitem__(self, where: Any) -> Value:
        def back(d: Array) -> None:
            found = np.zeros_like(self.v)
            np.add.at(found, where, d)  # what is taken twice gets both
            self.receive(found)

        return Value(self.v[where], self.r, back)

    def mean(self, axis: int) -> Value:
        """Of one axis, which stays with the length 1."""
        n = self.v.shape[axis]
        return self.made(self.r.total(self.v, (axis,)) / n, (self, lambda d: np.broadcast_to(d / n, self.v.shape)))

    def _value(self, other: Value | Array) -> Value:
        return other if isinstance(other, Value) else Value(np.asarray(other, WIDE), self.r)


def joined(parts: Sequence[Value], axis: int) -> Value:
    """Values side by side."""
    ends = np.cumsum([part.v.shape[axis] for part in parts])

    def back(d: Array) -> None:
        for part, of_part in zip(parts, np.split(d, ends[:-1], axis), strict=True):
            part.receive(of_part)

    return Value(np.concatenate([part.v for part in parts], axis), parts[0].r, back)


def tanh(a: Value) -> Value:
    return _bounded(a, np.tanh(a.v), 2 * np.exp(-2 * np.abs(a.v)), lambda y: 1 - y * y)


def sigmoid(a: Value) -> Value:
    e = np.exp(-np.abs(a.v))
    return _bounded(a, np.where(a.v >= 0, 1, e) / (1 + e), np.where(a.v >= 0, e, 1), lambda y: y * (1 - y))


def _bounded(a: Value, y: Array, far: Array, slope: Callable[[Array], Array]) -> Value:
    """A function that comes as near to its bound as `far` tells."""
    y = np.where(far < a.r.eps / 64, np.sign(y), a.r.add(y, np.abs(y), 2.0))
    return Value(y, a.r, lambda d: a.receive(a.r.add(d * slope(y), np.abs(d * slope(y)))))


def relu(a: Value) -> Value:
    a.r.kink(a.v)
    return Value(np.maximum(a.v, 0), a.r, lambda d: a.receive(d * (a.v > 0)))


def exp(a: Value) -> Value:
    y = np.exp(a.v)
    return a.made(y, (a, lambda d: d * y), ulps=2.0)


def root(a: Value) -> Value:
    y = np.sqrt(a.v)
    return a.made(y, (a, lambda d: d / (2 * y)))


def larger(a: Value, b: Value) -> Value:
    """The larger one of each pair, which alone has a gradient."""
    first = a.v >= b.v
    return Value(
        np.where(first, a.v, b.v),
        a.r,
        lambda d: (a.receive(np.where(first, d, 0)), b.receive(np.where(first, 0, d)))[0],  # type: ignore[func-returns-value]
    )


def largest_step(a: Value) -> Value:
    """The largest value over time (axis 1) of each feature, the first one where several are."""
    place = a.v.argmax(1)[:, None]
    others = a.v.copy()
    np.put_along_axis(others, place, -np.inf, 1)
    if a.v.shape[1] > 1:
        a.r.kink(np.concatenate([(np.take_along_axis(a.v, place, 1)[:, 0] - others.max(1)).ravel(), a.v.ravel()]))
    rows, features = np.arange(len(a.v))[:, None], np.arange(a.v.shape[2])
    return a[rows, place[:, 0], features]
