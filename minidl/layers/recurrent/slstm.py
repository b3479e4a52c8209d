"""An LSTM with exponential gates."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.arguments import PositiveInt
from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.tracing import sigmoid, where

LARGEST = 80.0  # exp of it is finite in float32; only what multiplies a state of 0 can be as large


@register
@dataclass(eq=False, repr=False)
class SLSTMLayer(Cell):
    """sLSTM: h_t = σ(o) c_t / n_t, with exponential gates, and a norm n and a scale exp(m) that keep them in bounds.

    m_t = max(f + m_{t-1}, i),  c_t = exp(f + m_{t-1} - m_t) c_{t-1} + exp(i - m_t) tanh(z),  n_t likewise with 1 in
    place of tanh(z);  i, f, z, o = x W_x + h_{t-1} W_h + b. h_t does not depend on m, which keeps exp in bounds; where
    n_{t-1} is 0, as at the start, m_t = i, so that n_t is 1 however large f is.

    Parameters
    ----------
    hidden_size, bias, input_initializer, recurrent_initializer, bias_initializer, recurrent_dropout,
        learnable_start : see `Cell`.
    heads : into so many blocks the units fall; W_h connects those of a block only.

    Shapes
    ------
    As of `Cell`, gates in the order i, f, z, o; W_h (heads, hidden_size / heads, 4 · hidden_size / heads).
    State: (h, c, n, m).

    References
    ----------
    Beck and others (2024), xLSTM: extended long short-term memory, equations 8 to 17.
    """

    _: KW_ONLY
    heads: PositiveInt = 1

    gates: ClassVar[Any] = ("i", "f", "z", "o")
    states: ClassVar[Any] = ("h", "c", "n", "m")
    recurrent: ClassVar[Any] = "heads"

    def n_heads(self) -> int:
        """Blocks of W_h."""
        return self.heads

    def equations(self, i: Any, f: Any, z: Any, o: Any, c: Any, n: Any, m: Any) -> Any:
        """h_t, c_t, n_t and m_t."""
        m_next = where(np.absolute(n) > 0, np.maximum(f + m, i), i)
        keep, take = np.exp(np.minimum(f + m - m_next, LARGEST)), np.exp(i - m_next)
        c_next, n_next = keep * c + take * np.tanh(z), keep * n + take
        return sigmoid(o) * c_next / n_next, c_next, n_next, m_next
