"""A gated unit with one pair of matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.initializers import zeros
from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.tracing import sigmoid


@register
@dataclass(eq=False, repr=False)
class FastGRNNLayer(Cell):
    """FastGRNN: h_t = (σ(ζ) (1 - z) + σ(ν)) tanh(a) + z h_{t-1},  z = σ(a + d),  a = x W_x + h_{t-1} W_h + b.

    Gate and candidate share both matrices and differ in their bias, by d. Here ζ and ν are numbers of each unit, in
    the paper of the layer.

    Parameters and state: as of `Cell`. Shapes: besides, d, zeta and nu (hidden_size,), which start at 0.

    References
    ----------
    Kusupati and others (2018), FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural
    network.
    """

    gates: ClassVar[Any] = ("a",)
    vectors: ClassVar[Any] = {"d": zeros, "zeta": zeros, "nu": zeros}

    def equations(self, a: Any, h: Any, d: Any, zeta: Any, nu: Any) -> Any:
        """h_t."""
        z = sigmoid(a + d)
        return (sigmoid(zeta) * (1 - z) + sigmoid(nu)) * np.tanh(a) + z * h
