"""Long short-term memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Number
from minidl.core.initializers import Initializer, zeros
from minidl.core.layer import Array
from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.tracing import sigmoid


@register
@dataclass(eq=False, repr=False)
class LSTMLayer(Cell):
    """LSTM: c_t = σ(f) c_{t-1} + σ(i) tanh(g),  h_t = σ(o) tanh(c_t);  i, o, f, g = x_t W_x + h_{t-1} W_h + b.

    With peepholes i, f and o see the cell too: i + p_i c_{t-1}, f + p_f c_{t-1}, o + p_o c_t.

    Parameters
    ----------
    hidden_size, bias, input_initializer, recurrent_initializer, bias_initializer, recurrent_dropout,
        learnable_start : see `Cell`.
    forget_bias : added to the start value of f's bias, so that a new net remembers.
    peepholes : whether there are p_i, p_o and p_f, vectors that start at 0.

    Shapes
    ------
    As of `Cell`; gates in the order i, o, f, g (that of ONNX). State: (h, c).

    References
    ----------
    Hochreiter and Schmidhuber (1997), Long short-term memory. Neural Computation 9. Gers, Schmidhuber and Cummins
    (2000), Learning to forget. Gers, Schraudolph and Schmidhuber (2002), Learning precise timing with LSTM.
    """

    _: KW_ONLY
    forget_bias: Number = 1.0
    peepholes: bool = False

    gates: ClassVar[tuple[str, ...]] = ("i", "o", "f", "g")
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def all_vectors(self) -> Mapping[str, Initializer]:
        """The peepholes, if there are some."""
        return dict.fromkeys(("p_i", "p_o", "p_f"), zeros) if self.peepholes else {}

    def gate_bias(self, gate: str) -> Initializer:
        """That of f is larger by `forget_bias`."""
        return self._forgetting if gate == "f" else self.bias_initializer

    def _forgetting(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        start: Array = self.bias_initializer(shape, rng, dtype) + np.asarray(self.forget_bias, dtype)
        return start

    def equations(self, i: Any, o: Any, f: Any, g: Any, c: Any, p_i: Any = 0.0, p_o: Any = 0.0, p_f: Any = 0.0) -> Any:
        """h_t and c_t."""
        c_next = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
        return sigmoid(o + p_o * c_next) * np.tanh(c_next), c_next
