"""Independent units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell


@register
@dataclass(eq=False, repr=False)
class IndRNNLayer(Cell):
    """IndRNN: h_t = max(x W_x + w ⊙ h_{t-1} + b, 0): each unit sees its own state alone.

    Parameters and state: as of `Cell`. Shapes: W_h is the vector w, (hidden_size,).

    References
    ----------
    Li, Li, Cook, Zhu and Gao (2018), Independently recurrent neural network (IndRNN).
    """

    gates: ClassVar[Any] = ("a",)
    recurrent: ClassVar[Any] = "diagonal"

    def equations(self, a: Any) -> Any:
        """h_t."""
        return np.maximum(a, 0)
