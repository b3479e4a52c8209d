"""Gated recurrent unit."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from minidl.core.registry import register
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.design import Gate
from minidl.layers.recurrent.tracing import sigmoid


@register
@dataclass(eq=False, repr=False)
class GRULayer(Cell):
    """GRU: h_t = (1 - z) n + z h_{t-1}, with gates z and r and the candidate n.

    z = σ(x W_xz + h W_hz + b_z), r likewise; the reset r works on the product, or on what is multiplied:

        after:   n = tanh(x W_xn + b_n + r (h W_hn + b_hn))
        before:  n = tanh(x W_xn + b_n + (r h) W_hn)

    Parameters
    ----------
    hidden_size, bias, input_initializer, recurrent_initializer, bias_initializer, recurrent_dropout,
        learnable_start : see `Cell`.
    reset_after : which of both; after is what cuDNN, torch and Keras compute, before is that of the paper.

    Shapes
    ------
    As of `Cell`; gates in the order z, r, n (that of ONNX). After: b_h (hidden_size,) besides.

    References
    ----------
    Cho and others (2014), Learning phrase representations using RNN encoder-decoder for statistical machine
    translation.
    """

    _: KW_ONLY
    reset_after: bool = True

    def all_gates(self) -> list[Gate]:
        """z, r and n."""
        return [Gate("z"), Gate("r"), Gate("n", apart=True) if self.reset_after else Gate("n", of="reset")]

    def reset(self, r: Any, h: Any) -> Any:
        """What W_hn multiplies, if the reset comes before."""
        return sigmoid(r) * h

    def equations(self, z: Any, r: Any, h: Any, n: Any = None, n_x: Any = None, n_h: Any = None) -> Any:
        """h_t."""
        if self.reset_after:
            n = n_x + sigmoid(r) * n_h
        return (1 - sigmoid(z)) * np.tanh(n) + sigmoid(z) * h
