"""What is measured: models, their data and start weights, the same for every competitor."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH = 64
MANY = 4096
RATE = 0.05
Weights = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A stack of tanh layers with a dense output for the last step, trained by SGD on batches of 64 windows.

    `steps` is the number of training steps that one timing takes.
    """

    name: str
    features: int
    hidden: tuple[int, ...]
    time: int
    bias: bool
    dtype: str
    steps: int

    def weights(self) -> list[tuple[Any, Any, Any]]:
        """(W_xh, W_hh, b_h) of every layer, then (W, None, b); b is None without biases."""
        rng = np.random.default_rng(0)
        sizes, layers = (self.features, *self.hidden), []

        def normal(a: int, b: int) -> Any:
            return (rng.normal(size=(a, b)) / np.sqrt(a) * 0.7).astype(self.dtype)

        def zeros(n: int) -> Any:
            return np.zeros(n, self.dtype) if self.bias else None

        for a, b in itertools.pairwise(sizes):
            layers.append((normal(a, b), normal(b, b), zeros(b)))
        layers.append((normal(sizes[-1], 1), None, zeros(1)))
        return layers

    def data(self) -> tuple[Any, Any]:
        """x (64, time, features) and y (64, 1), one batch."""
        rows = self.rows()
        return rows[:-1].reshape(BATCH, self.time, self.features), rows[self.time :: self.time, :1].copy()

    def many(self) -> Any:
        """MANY windows, (MANY, time, features)."""
        return np.tile(self.data()[0], (MANY // BATCH, 1, 1))

    def rows(self) -> Any:
        """The windows one after the other, and a last row; a window's target is the first value after it."""
        rng = np.random.default_rng(1)
        return rng.normal(size=(BATCH * self.time + 1, self.features)).astype(self.dtype)


CASES = [
    Case("4", 6, (4,), 24, True, "float32", 400),
    Case("4 float64", 6, (4,), 24, True, "float64", 400),
    Case("2+2", 6, (2, 2), 24, False, "float32", 300),
    Case("16", 6, (16,), 24, True, "float32", 200),
    Case("64", 6, (64,), 24, True, "float32", 100),
    Case("256", 32, (256,), 100, True, "float32", 4),
    Case("256+256", 32, (256, 256), 100, True, "float32", 2),
    Case("1024", 64, (1024,), 50, True, "float32", 1),
]
INFERENCE_CASE = CASES[0]
