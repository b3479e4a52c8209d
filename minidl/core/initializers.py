"""Initial values of parameters: plain functions of shape, generator and dtype.

Configs and constructors use them by name (``recurrent_initializer: orthogonal``).
All weights are (inputs, outputs), so fan-in is ``shape[0]`` and fan-out ``shape[1]``.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError, ShapeError
from minidl.core.registry import open_kind, register

Array = npt.NDArray[Any]

# Of one parameter, and of a whole stack: a slip of the finger must not take all memory.
MAX_PARAMETERS = 100_000_000


@open_kind("initializer", functions=True)
class Initializer(Protocol):
    """``initializer(shape, rng, dtype)`` returns a new array."""

    __name__: str

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """A new array of this shape and dtype."""


def _bounded(initializer: Initializer) -> Initializer:
    """Refuse a shape of more than MAX_PARAMETERS numbers before any memory is taken."""

    @functools.wraps(initializer)
    def checked(shape: tuple[int, ...], rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        if math.prod(shape) > MAX_PARAMETERS:
            raise ShapeError(f"a parameter of shape {shape} has more than {MAX_PARAMETERS:,} numbers.")
        return initializer(shape, rng, dtype)

    return checked


@register
@_bounded
def normal_fan_in(shape: tuple[int, ...], rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
    """Normal with mean 0 and standard deviation 1/sqrt(fan-in), as in the textbook's program."""
    return rng.normal(0.0, 1.0 / np.sqrt(shape[0]), shape).astype(dtype)


@register
@_bounded
def glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
    """Uniform in ±sqrt(6 / (fan-in + fan-out)).

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep
    feedforward neural networks, eq. 16.
    """
    limit = np.sqrt(6.0 / (shape[0] + shape[-1]))
    return rng.uniform(-limit, limit, shape).astype(dtype)


@register
@_bounded
def orthogonal(shape: tuple[int, ...], rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
    """A random matrix with orthonormal rows or columns (the shorter side), uniform over all such matrices.

    QR of a normal matrix, with the signs of R's diagonal folded into Q.

    References
    ----------
    Saxe, McClelland, Ganguli (2014), Exact solutions to the nonlinear dynamics
    of learning in deep linear neural networks; Mezzadri (2007), How to generate
    random matrices from the classical compact groups, for the signs.
    """
    if len(shape) != 2:
        raise ConfigError(f"orthogonal: needs a matrix; got the shape {shape}.")
    tall = shape if shape[0] >= shape[1] else shape[::-1]
    q, r = np.linalg.qr(rng.normal(size=tall))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q if tall == shape else q.T, dtype=dtype)


@register
@_bounded
def zeros(shape: tuple[int, ...], rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
    """All zeros, the usual start of a bias."""
    return np.zeros(shape, dtype)
