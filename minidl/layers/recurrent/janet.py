"""An LSTM with nothing but its forget gate."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.arguments import Number
from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.tracing import sigmoid


@register
@dataclass(eq=False, repr=False)
class JANETLayer(Cell):
    """JANET: h_t = σ(s) h_{t-1} + (1 - σ(s - β)) tanh(g);  s, g = x W_x + h_{t-1} W_h + b.

    Parameters
    ----------
    hidden_size, bias, input_initializer, recurrent_initializer, bias_initializer, recurrent_dropout,
        learnable_start : see `Cell`.
    beta : β, how much more is let in than is forgotten.

    Shapes and state: as of `Cell`; gates in the order s, g.

    References
    ----------
    Van der Westhuizen and Lasenby (2018), The unreasonable effectiveness of the forget gate.
    """

    _: KW_ONLY
    beta: Number = 1.0

    gates: ClassVar[Any] = ("s", "g")

    def equations(self, s: Any, g: Any, h: Any) -> Any:
        """h_t."""
        return sigmoid(s) * h + (1 - sigmoid(s - self.beta)) * np.tanh(g)
