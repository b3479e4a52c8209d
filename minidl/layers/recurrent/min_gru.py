"""A gated unit whose gates see the input alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.design import Gate
from minidl.layers.recurrent.tracing import sigmoid


@register
@dataclass(eq=False, repr=False)
class MinGRULayer(Cell):
    """minGRU: h_t = (1 - σ(z)) h_{t-1} + σ(z) n;  z, n = x W_x + b: nothing is multiplied inside the loop.

    Parameters and state: as of `Cell`; gates in the order z, n. Shapes: there is no W_h.

    References
    ----------
    Feng, Tung, Ahmed, Bengio and Hajimirsadeghi (2024), Were RNNs all we needed?
    """

    gates: ClassVar[Any] = (Gate("z", recurrent=False), Gate("n", recurrent=False))

    def equations(self, z: Any, n: Any, h: Any) -> Any:
        """h_t."""
        return (1 - sigmoid(z)) * h + sigmoid(z) * n
