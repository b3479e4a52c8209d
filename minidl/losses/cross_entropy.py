"""The loss of class labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minidl.core.arrays import show_place
from minidl.core.errors import DataError, ShapeError
from minidl.core.registry import register
from minidl.losses.loss import Array, Loss, shares


@register
@dataclass(eq=False)
class CrossEntropy(Loss):
    """L = mean(-log p_k), with p = softmax(y) and k the label; dL/dy = (p - one_hot(k)) / n.

    softmax(y)_i = exp(y_i) / Σ_j exp(y_j), computed from y - max(y), so that
    no exponential overflows: -log p_k = log Σ_j exp(y_j - max y) - (y_k - max y).

    Shapes
    ------
    y (batch, K) or (batch, time, K), any real numbers ("logits"); target (batch,) or (batch, time), whole numbers
    from 0 to K - 1; n is the number of labels.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep learning, section 6.2.2.3. MIT Press.
    """

    labels: ClassVar[bool] = True

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse targets that are not one label for each row of outputs."""
        if y[:-1] != target or 0 in y:
            raise ShapeError(
                f"CrossEntropy: y has shape {y}, target {target}; expected one label for each row of outputs, "
                f"{y[:-1]}, not empty."
            )

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse labels that are not from 0 to K - 1."""
        wrong = (target < 0) | (target >= n_outputs)
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            more = f" and {int(wrong.sum()) - 1:,} more" if wrong.sum() > 1 else ""
            raise DataError(
                f"CrossEntropy: target: {target[place]} at {show_place(place)}{more}; "
                f"labels of a model with {n_outputs} outputs are 0 to {n_outputs - 1}."
            )

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean(-log p_k), (p - one_hot(k)) / n), or with w / Σ w in place of 1 / n."""
        k = target[..., None]
        p = np.subtract(y, y.max(axis=-1, keepdims=True), out=out)
        y_k = np.take_along_axis(p, k, axis=-1)
        np.exp(p, out=p)
        total = p.sum(axis=-1, keepdims=True)
        share = shares(weight, k.shape)
        loss = float(np.sum((np.log(total) - y_k) * share, dtype=np.float64))
        p /= total
        np.put_along_axis(p, k, np.take_along_axis(p, k, axis=-1) - 1, axis=-1)
        return loss, np.multiply(p, share, out=p, casting="same_kind")
