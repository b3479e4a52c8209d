"""The loss of what is or is not so: one output, or several that are independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from minidl.core.arguments import NonNegativeFloat
from minidl.core.arrays import show_place
from minidl.core.errors import DataError
from minidl.core.registry import register
from minidl.losses.cross_entropy import Smoothing
from minidl.losses.loss import Array, Loss, check_class_weights, shares


@register
@dataclass(eq=False)
class BinaryCrossEntropy(Loss):
    """L = mean(-t log p - (1 - t) log(1 - p)), p = σ(y); dL/dy = (p - t) / n.

    A mean over all entries; with weights, of examples or classes, a weighted mean, divided by their sum.
    It is computed as max(y, 0) - t y + log(1 + exp(-|y|)), in which nothing overflows.

    Parameters
    ----------
    label_smoothing : ε from 0 to below 1; t (1 - ε) + ε/2 stands for t.
    class_weights : what targets of 0 and of 1 count for, two numbers; one between counts in between. None: alike.

    Shapes
    ------
    y and target (batch, K) or (batch, time, K): y any real numbers ("logits"), targets 0, 1 or probabilities.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep learning, section 6.2.2.2. MIT Press.
    """

    probabilities: ClassVar[bool] = True
    restricted: ClassVar[bool] = True

    label_smoothing: Smoothing = 0.0
    class_weights: Annotated[list[NonNegativeFloat], Meta(min_length=2, max_length=2)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_class_weights(self, self.class_weights)

    def point(self, y: Array) -> Array:
        """σ(y), the probability of 1."""
        small = np.exp(-np.abs(y))
        found: Array = np.where(y >= 0, 1, small) / (1 + small)
        return found

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse targets that are no probabilities."""
        wrong = ~((target >= 0) & (target <= 1))
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            raise DataError(
                f"BinaryCrossEntropy: target: {target[place]} at {show_place(place)}; expected 0, 1 or a probability."
            )

    def counts(self, target: Array) -> Array | None:
        """Between the weights of the two classes."""
        if self.class_weights is None:
            return None
        of_0, of_1 = self.class_weights
        found: Array = of_0 + (of_1 - of_0) * target.astype(np.float64)
        return found

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean(max(y, 0) - t y + log(1 + exp(-|y|))), (σ(y) - t) / n)."""
        smoothing = self.label_smoothing
        t = np.asarray(target, y.dtype) * (1 - smoothing) + smoothing / 2
        share, small = shares(weight, y.shape), np.exp(-np.abs(y))
        values = np.maximum(y, 0) - t * y + np.log1p(small)
        loss = float(np.sum(values * share, dtype=np.float64))
        p = small / (1 + small)  # of the less probable of both
        slope = np.where(y >= 0, (1 - t) - p, p - t)
        return loss, np.multiply(slope, share, out=slope if out is None else out, casting="same_kind")
