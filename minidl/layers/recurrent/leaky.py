"""A unit with a time constant."""

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
class LeakyLayer(Cell):
    """Leaky unit: h_t = (1 - α) h_{t-1} + α tanh(a), a = x W_x + h_{t-1} W_h + b, with α = σ(k) of each unit.

    It is Euler's step of τ dh/dt = -h + tanh(a), of length 1: α = 1/τ.

    Parameters and state: as of `Cell`. Shapes: besides, k (hidden_size,), which starts at 0: τ = 2 steps.

    References
    ----------
    Jaeger, Lukoševičius, Popovici and Siewert (2007), Optimization and applications of echo state networks with
    leaky-integrator neurons. Neural Networks 20.
    """

    gates: ClassVar[Any] = ("a",)
    vectors: ClassVar[Any] = {"k": zeros}

    def equations(self, a: Any, h: Any, k: Any) -> Any:
        """h_t."""
        return (1 - sigmoid(k)) * h + sigmoid(k) * np.tanh(a)
