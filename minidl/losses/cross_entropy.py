"""The loss of class labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from minidl.core.arguments import NonNegativeFloat
from minidl.core.arrays import show_place
from minidl.core.errors import ConfigError, DataError, ShapeError
from minidl.core.registry import register
from minidl.losses.loss import Array, Loss, check_class_weights, shares

Smoothing = Annotated[float, Meta(ge=0, lt=1)]


@register
@dataclass(eq=False)
class CrossEntropy(Loss):
    """L = mean(-log p_k), with p = softmax(y) and k the label; dL/dy = (p - one_hot(k)) / n.

    softmax(y)_i = exp(y_i) / Σ_j exp(y_j), computed from y - max(y), so that
    no exponential overflows: -log p_k = log Σ_j exp(y_j - max y) - (y_k - max y).
    A mean over all labels; with weights, of examples or classes, a weighted mean, divided by their sum.

    Parameters
    ----------
    label_smoothing : ε from 0 to below 1; (1 - ε) one_hot(k) + ε/K stands for one_hot(k), so that
        -(1 - ε) log p_k - ε mean_j(log p_j) stands for -log p_k.
    class_weights : what labels of each class count for, K numbers of at least 0; None: alike. The weight of a label's
        class multiplies all that the label adds, as a weight of the example does, and with it. In PyTorch it is so
        too without smoothing; with it, PyTorch weights each -log p_j by the weight of class j.

    Shapes
    ------
    y (batch, K) or (batch, time, K), any real numbers ("logits"); target (batch,) or (batch, time), whole numbers
    from 0 to K - 1; n is the number of labels.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep learning, sections 6.2.2.3 and 7.5.1. MIT Press.
    """

    label_smoothing: Smoothing = 0.0
    class_weights: Annotated[list[NonNegativeFloat], Meta(min_length=1)] | None = None

    labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_class_weights(self, self.class_weights)

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse targets that are not one label for each row of outputs."""
        if y[:-1] != target or 0 in y:
            raise ShapeError(
                f"CrossEntropy: y has shape {y}, target {target}; expected one label for each row of outputs, "
                f"{y[:-1]}, not empty."
            )
        if self.class_weights is not None and len(self.class_weights) != y[-1]:
            raise ConfigError(
                f"CrossEntropy: class_weights: expected one for each of the {y[-1]} classes, "
                f"got {len(self.class_weights)}."
            )

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse labels that are not from 0 to K - 1."""
        wrong = (target < 0) | (target >= n_outputs)
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            more = f" and {int(wrong.sum()) - 1:,} more" if wrong.sum() > 1 else ""
            labels = f"labels of a model with {n_outputs} outputs are 0 to {n_outputs - 1}."
            if n_outputs == 1:
                labels = "a model with one output knows label 0 alone; of two classes BinaryCrossEntropy needs one."
            raise DataError(f"CrossEntropy: target: {target[place]} at {show_place(place)}{more}; {labels}")

    def counts(self, target: Array) -> Array | None:
        """The weight of each label's class."""
        if self.class_weights is None:
            return None
        return np.take(np.array(self.class_weights, np.float64), target.astype(np.int64), mode="clip")

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean(-log p_k), (p - one_hot(k)) / n), or with w / Σ w in place of 1 / n."""
        k, smoothing = target[..., None], self.label_smoothing
        p = np.subtract(y, y.max(axis=-1, keepdims=True), out=out)
        likely = np.take_along_axis(p, k, axis=-1)
        if smoothing:
            likely = (1 - smoothing) * likely + smoothing * p.mean(axis=-1, keepdims=True)
        np.exp(p, out=p)
        total = p.sum(axis=-1, keepdims=True)
        share = shares(weight, k.shape)
        loss = float(np.sum((np.log(total) - likely) * share, dtype=np.float64))
        p /= total
        np.put_along_axis(p, k, np.take_along_axis(p, k, axis=-1) - (1 - smoothing), axis=-1)
        if smoothing:
            p -= smoothing / y.shape[-1]
        return loss, np.multiply(p, share, out=p, casting="same_kind")
