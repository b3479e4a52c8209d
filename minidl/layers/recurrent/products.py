"""What h_{t-1} is multiplied by: a full matrix, or a block for each head.

All write and read pieces of (gates, hidden, batch): gate after gate, the batch last.
Their buffers hold the weights with the gates in the order of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Array

Kind = Literal["full", "diagonal", "heads"]  # of W_h; the product with a diagonal is an equation of the cell


class Product(Protocol):
    """h ↦ h W_h."""

    def load(self, W: Array) -> None:
        """Take these weights."""

    def forward(self, h: Array, out: Array) -> None:
        """Write h W_h of (hidden, batch) to `out`, (gates, hidden, batch), in one piece of memory."""

    def backward(self, da: Array, out: Array) -> None:
        """Write the sum of da W_hᵀ over gates to `out`, (hidden, batch)."""

    def gradient(self, da: Array, h: Array, grad: Array) -> None:
        """Write dL/dW_h for da (gates, hidden, steps) and h (hidden, steps) to its gates in `grad`."""


def columns(gates: Sequence[int], hidden: int) -> npt.NDArray[np.intp]:
    """Where the columns of these gates stand in a matrix of all gates."""
    places: npt.NDArray[np.intp] = (np.asarray(gates, np.intp)[:, None] * hidden + np.arange(hidden)).ravel()
    return places


class Full:
    """W_h (hidden, gates · hidden)."""

    def __init__(self, gates: Sequence[int], n_gates: int, hidden: int, heads: int, dtype: npt.DTypeLike) -> None:
        self.columns = columns(gates, hidden)
        self.W = np.empty((hidden, len(self.columns)), dtype)
        self.W_T = np.empty(self.W.shape[::-1], dtype)

    def load(self, W: Array) -> None:
        """See `Product`."""
        np.take(W, self.columns, axis=1, out=self.W)
        self.W_T[...] = self.W.T

    def forward(self, h: Array, out: Array) -> None:
        """See `Product`."""
        np.dot(self.W_T, h, out.reshape(len(self.W_T), -1))

    def backward(self, da: Array, out: Array) -> None:
        """See `Product`."""
        if out.flags.c_contiguous:
            np.dot(self.W, da.reshape(len(self.W_T), -1), out)
        else:
            out[...] = self.W @ da.reshape(len(self.W_T), -1)

    def gradient(self, da: Array, h: Array, grad: Array) -> None:
        """See `Product`."""
        grad[:, self.columns] = h @ da.reshape(len(self.W_T), -1).T


class Heads:
    """W_h (heads, hidden / heads, gates · hidden / heads): each head sees its own units only."""

    def __init__(self, gates: Sequence[int], n_gates: int, hidden: int, heads: int, dtype: npt.DTypeLike) -> None:
        self.gates, self.n_gates, self.size = list(gates), n_gates, (heads, hidden // heads)
        self.W = np.empty((heads, hidden // heads, len(self.gates) * (hidden // heads)), dtype)
        self.W_T = np.empty((heads, self.W.shape[2], self.W.shape[1]), dtype)

    def load(self, W: Array) -> None:
        """See `Product`."""
        n, D = self.size
        self.W.reshape(n, D, -1, D)[...] = W.reshape(n, D, self.n_gates, D)[:, :, self.gates]
        self.W_T[...] = self.W.transpose(0, 2, 1)

    def forward(self, h: Array, out: Array) -> None:
        """See `Product`."""
        n, D = self.size
        made = self.W_T @ h.reshape(n, D, -1)
        out.reshape(len(self.gates), n, D, -1)[...] = made.reshape(n, len(self.gates), D, -1).transpose(1, 0, 2, 3)

    def _by_head(self, da: Array) -> Array:
        n, D = self.size
        return da.reshape(len(self.gates), n, D, -1).transpose(1, 0, 2, 3).reshape(n, len(self.gates) * D, -1)

    def backward(self, da: Array, out: Array) -> None:
        """See `Product`."""
        out[...] = (self.W @ self._by_head(da)).reshape(out.shape)

    def gradient(self, da: Array, h: Array, grad: Array) -> None:
        """See `Product`."""
        n, D = self.size
        found = h.reshape(n, D, -1) @ self._by_head(da).transpose(0, 2, 1)
        grad.reshape(n, D, self.n_gates, D)[:, :, self.gates] = found.reshape(n, D, -1, D)


PRODUCTS: dict[Kind, Any] = {"full": Full, "heads": Heads}


class Weights:
    """All weights of a cell, in buffers, with the gates in the order of the work.

    Parameters
    ----------
    fed : numbers of the gates that x is multiplied for.
    recurrent : numbers, among the gates that have recurrent weights, of those that h_{t-1} is multiplied for.
    late : such numbers of the gates whose product follows equations, by name.
    n_recurrent : how many gates have recurrent weights.
    """

    def __init__(
        self,
        fed: Sequence[int],
        recurrent: Sequence[int],
        late: dict[str, int],
        n_recurrent: int,
        sizes: tuple[int, int],
        kind: tuple[Kind, int],
        dtype: npt.DTypeLike,
    ) -> None:
        features, hidden = sizes
        make: Any = PRODUCTS.get(kind[0])
        self.columns = columns(fed, hidden)
        self.W_x = np.empty((features, len(self.columns)), dtype)
        self.W_xb_T = np.zeros((len(self.columns), features + 1), dtype)
        self.b_h = np.zeros((1, hidden, 1), dtype)  # without biases this stands for those of all gates
        self.product: Product | None = make(recurrent, n_recurrent, hidden, kind[1], dtype) if recurrent else None
        self.late: dict[str, Product] = {
            name: make([number], n_recurrent, hidden, kind[1], dtype) for name, number in late.items()
        }

    def load(self, params: dict[str, Array]) -> None:
        """Take the weights of this forward."""
        np.take(params["W_x"], self.columns, axis=1, out=self.W_x)
        self.W_xb_T[:, :-1] = self.W_x.T
        if "b" in params:
            self.W_xb_T[:, -1] = params["b"][self.columns]
        if "b_h" in params:
            if self.b_h.size != params["b_h"].size:
                self.b_h = np.empty((params["b_h"].size // self.b_h.shape[1], *self.b_h.shape[1:]), self.b_h.dtype)
            self.b_h[..., 0] = params["b_h"].reshape(self.b_h.shape[:2])
        for product in (self.product, *self.late.values()):
            if product is not None:
                product.load(params["W_h"])
