"""What is measured: models, their data and start weights, the same for every competitor."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH = 64
MANY = 4096
RATE = 0.05
# By kind of layer, a letter for each gate, in the order of their columns here, in minidl and in ONNX.
GATES = {"Elman": "a", "LSTM": "iofg", "GRU": "zrn"}


@dataclass(frozen=True)
class Part:
    """The weights of one layer: (inputs, gates · units), (units, gates · units), (gates · units,), (units,).

    What a layer does not have is None. `b_h` is the bias that a GRU adds to h W_hn alone, before the reset.
    """

    W_x: Any
    W_h: Any = None
    b: Any = None
    b_h: Any = None

    def present(self) -> list[Any]:
        """Those that are there, in this order."""
        return [value for value in vars(self).values() if value is not None]


def arranged(W: Any, gates: str, order: str) -> Any:
    """The columns of W, which stand in the order of `gates`, in another order of the gates."""
    parts = np.split(W, len(gates), axis=-1)
    return np.concatenate([parts[gates.index(gate)] for gate in order], axis=-1)


def time_first(x: Any) -> Any:
    """(batch, time, features) as (time, batch, features)."""
    return np.ascontiguousarray(x.transpose(1, 0, 2))


@dataclass(frozen=True)
class Case:
    """A stack of recurrent layers with a dense output for the last step, trained by SGD on batches of 64 windows.

    `steps` is the number of training steps that one timing takes. A GRU's reset follows the product.
    """

    name: str
    features: int
    hidden: tuple[int, ...]
    time: int
    bias: bool
    dtype: str
    steps: int
    kind: str = "Elman"

    @property
    def gates(self) -> str:
        """One letter for each gate."""
        return GATES[self.kind]

    def weights(self) -> list[Part]:
        """Of every recurrent layer, then of the output."""
        rng = np.random.default_rng(0)
        sizes, layers = (self.features, *self.hidden), []

        def normal(a: int, b: int) -> Any:
            return (rng.normal(size=(a, b)) / np.sqrt(a) * 0.7).astype(self.dtype)

        def bias(n: int) -> Any:
            return (rng.normal(size=n) * 0.1).astype(self.dtype) if self.bias else None

        for a, b in itertools.pairwise(sizes):
            n = len(self.gates) * b
            layers.append(Part(normal(a, n), normal(b, n), bias(n), bias(b) if self.kind == "GRU" else None))
        layers.append(Part(normal(sizes[-1], 1), b=bias(1)))
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


def _cells(kind: str) -> list[Case]:
    """The sizes that gated layers are measured at."""
    return [
        Case(f"{kind} 4", 6, (4,), 24, True, "float32", 200, kind),
        Case(f"{kind} 16", 6, (16,), 24, True, "float32", 100, kind),
        Case(f"{kind} 64", 6, (64,), 24, True, "float32", 60, kind),
        Case(f"{kind} 256", 32, (256,), 100, True, "float32", 2, kind),
    ]


CASES = [
    Case("4", 6, (4,), 24, True, "float32", 400),
    Case("4 float64", 6, (4,), 24, True, "float64", 400),
    Case("2+2", 6, (2, 2), 24, False, "float32", 300),
    Case("16", 6, (16,), 24, True, "float32", 200),
    Case("64", 6, (64,), 24, True, "float32", 100),
    Case("256", 32, (256,), 100, True, "float32", 4),
    Case("256+256", 32, (256, 256), 100, True, "float32", 2),
    Case("1024", 64, (1024,), 50, True, "float32", 1),
    *_cells("LSTM"),
    *_cells("GRU"),
]
# Those that forecast, too.
ASKED = ("4", "LSTM 4", "GRU 4")
