"""Minimal gated unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.design import Gate
from minidl.layers.recurrent.tracing import sigmoid


@register
@dataclass(eq=False, repr=False)
class MGULayer(Cell):
    """MGU: h_t = (1 - f) h_{t-1} + f tanh(x W_xn + (f h_{t-1}) W_hn + b_n),  f = σ(x W_xf + h_{t-1} W_hf + b_f).

    Parameters, shapes and state: as of `Cell`; gates in the order f, n.

    References
    ----------
    Zhou, Wu, Zhang and Zhou (2016), Minimal gated unit for recurrent neural networks.
    """

    gates: ClassVar[Any] = ("f", Gate("n", of="remembered"))

    def remembered(self, f: Any, h: Any) -> Any:
        """What W_hn multiplies."""
        return sigmoid(f) * h

    def equations(self, f: Any, n: Any, h: Any) -> Any:
        """h_t."""
        return (1 - sigmoid(f)) * h + sigmoid(f) * np.tanh(n)
